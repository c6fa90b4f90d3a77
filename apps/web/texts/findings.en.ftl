# What is wrong with a run file: for each check what was found (where the value alone does not say it), what was
# expected, and what to do. The command line says the English ones.
finding-already-a-run-found = the orders of run { $found }, all of them
finding-already-a-run-expected = orders that no run holds
finding-already-a-run-remedy = go on with that run; nothing has to be imported again
finding-amount-range-found = { $found } cents
finding-amount-range-expected = at most { $expected } cents either way
finding-amount-range-remedy = correct the amount
finding-character-expected = characters that the fonts of the bill have
finding-character-remedy = write it otherwise, or give the layout a font that has it; the bill shows a question mark in its place
finding-choice-expected = one of { $expected }
finding-choice-remedy = correct the export of this field
finding-consumption-remedy = consumption is (new − old) × multiplier
finding-control-character-found = a control character
finding-control-character-expected = printable text
finding-control-character-remedy = remove it
finding-control-count-found = { $found } orders
finding-control-count-expected = { $expected } orders
finding-control-count-remedy = the file is cut or the header is wrong: export again
finding-control-sum-found = { $found } cents
finding-control-sum-expected = { $expected } cents
finding-control-sum-remedy = the file is cut or the header is wrong: export again
finding-corrects-missing-found = nothing
finding-corrects-missing-expected = the corrected document
finding-corrects-missing-remedy = name the original
finding-corrects-nothing-found = a corrected document
finding-corrects-nothing-expected = none for an invoice
finding-corrects-nothing-remedy = remove it, or make the order a note
finding-counting-number-expected = a whole number from 0
finding-counting-number-remedy = correct the export of this field
finding-country-expected = a code of ISO 3166-1 in two capital letters, such as BG (BR-CL-14)
finding-country-remedy = correct the code
finding-currency-remedy = bill in the operator's currency
finding-customer-number-remedy = send the account's own customer
finding-due-date-expected = not before { $expected }
finding-due-date-remedy = correct one of the dates
finding-duplicate-in-file-expected = one such order in a run
finding-duplicate-in-file-remedy = remove one of the two, or give the second a higher version
finding-eik-found = { $found } characters
finding-eik-expected = 9 or 13 digits
finding-eik-remedy = send a company's number (EIK), never a person's (EGN)
finding-eik-checksum-expected = a valid check digit
finding-eik-checksum-remedy = check the number
finding-empty-file-found = no line
finding-empty-file-expected = a header line
finding-empty-file-remedy = export the run again
finding-exemption-found = nothing
finding-exemption-expected = the ground
finding-exemption-remedy = send why no VAT is charged
finding-field-missing-found = nothing
finding-field-missing-expected = a value, as `kvit schema` says
finding-field-missing-remedy = send the field
finding-field-unknown-found = the unknown field { $found }
finding-field-unknown-expected = one of { $expected }
finding-field-unknown-remedy = correct the name, or leave the field out
finding-format-expected = kvit-run 1
finding-format-remedy = export in the format kvit-run, version 1
finding-history-found = { $found } months
finding-history-expected = at most { $expected }
finding-history-remedy = send this month and the twelve before it
finding-history-month-expected = the first day of a month
finding-history-month-remedy = send the month's first day
finding-history-negative-expected = 0 or more
finding-history-negative-remedy = correct the quantity
finding-history-order-expected = a month after { $expected }
finding-history-order-remedy = sort the months, oldest first, each once
finding-line-net-found = { $found } cents
finding-line-net-expected = { $expected } cents
finding-line-net-remedy = net is quantity × price ÷ base, rounded to the cent
finding-line-too-long-found = a longer line
finding-line-too-long-expected = at most { $expected } bytes
finding-line-too-long-remedy = one order a line, without attachments
finding-malformed-expected = { $expected ->
    [number] an invoice number
    [type] 380, 381, 383 or 384
    [date] a date
    [currency] a currency code
    [amount] an amount with two decimals
    [vat] a VAT category
    [category] S, Z, E, AE or O
    [rate] a rate in percent
    [corrected] the corrected invoice
    [digits] ten digits
    [ground] the ground of the correction
    [buyer] the buyer
    [buyer-name] the buyer's name
    [buyer-id] a buyer identifier with letters or digits
    [seller] the seller
    [seller-name] the seller's name
    [item] an item name
    [quantity] a quantity
    [unit] a unit code
    [price] a price
    [breakdown] a VAT breakdown
    [totals] document totals
   *[other] { $expected }
  }
finding-malformed-remedy = complete or correct the invoice
finding-missing-found = nothing
finding-missing-expected = { $expected ->
    [number] an invoice number
    [type] 380, 381, 383 or 384
    [date] a date
    [currency] a currency code
    [amount] an amount with two decimals
    [vat] a VAT category
    [category] S, Z, E, AE or O
    [rate] a rate in percent
    [corrected] the corrected invoice
    [digits] ten digits
    [ground] the ground of the correction
    [buyer] the buyer
    [buyer-name] the buyer's name
    [buyer-id] a buyer identifier with letters or digits
    [seller] the seller
    [seller-name] the seller's name
    [item] an item name
    [quantity] a quantity
    [unit] a unit code
    [price] a price
    [breakdown] a VAT breakdown
    [totals] document totals
   *[other] { $expected }
  }
finding-missing-remedy = complete or correct the invoice
finding-name-found = { $found } characters
finding-name-expected = 1 to 200 characters, without control characters
finding-name-remedy = name the billing system and its run
finding-negative-price-expected = not negative
finding-negative-price-remedy = make the quantity negative instead
finding-no-file-found = no file
finding-no-file-expected = a run file or EN 16931 invoices
finding-no-file-remedy = send the right file
finding-no-json-found = no JSON (column { $found })
finding-no-json-expected = one JSON object a line
finding-no-json-remedy = export the line again
finding-no-lines-found = none
finding-no-lines-expected = at least one
finding-no-lines-remedy = send what is charged
finding-number-range-expected = at most 10 decimals and 10^12
finding-number-range-remedy = round or correct the number
finding-original-missing-expected = number of an issued bill
finding-original-missing-remedy = correct the number of the original
finding-period-order-expected = `from` not after `to`
finding-period-order-remedy = swap or correct the two days
finding-price-base-expected = above 0
finding-price-base-remedy = send how many units the price is for
finding-reading-dates-expected = not before { $expected }
finding-reading-dates-remedy = swap or correct the readings
finding-register-rollover-expected = at least { $expected }
finding-register-rollover-remedy = check that the register rolled over
finding-reverse-charge-found = no identifier of the customer
finding-reverse-charge-expected = the customer with VAT number or EIK
finding-reverse-charge-remedy = send the customer too, or another category
finding-seen-before-expected = an order that no other run holds; run `{ $expected }` has it
finding-seen-before-remedy = remove it; a wrong bill is corrected by a credit or debit note. Only a second bill for the same period on purpose takes a higher version
finding-seller-remedy = import only the operator's own runs, or correct the operator's settings
finding-sources-found = a sum of { $found } %
finding-sources-expected = a sum of 100 %
finding-sources-remedy = correct the percentages
finding-supply-point-expected = a code of /supply_points
finding-supply-point-remedy = send the supply point too
finding-tax-event-date-expected = within five years back and one ahead
finding-tax-event-date-remedy = check the date
finding-text-length-found = { $found } characters
finding-text-length-expected = 1 to { $expected } characters
finding-text-length-remedy = shorten the text
finding-text-missing-found = no text
finding-text-missing-expected = 1 to { $expected } characters
finding-text-missing-remedy = fill in the text
finding-to-pay-found = { $found } cents
finding-to-pay-expected = { $expected } cents
finding-to-pay-remedy = it is gross − prepaid + rounding + carried over; a credit note's gross counts negative
finding-too-many-lines-expected = at most { $expected }
finding-too-many-lines-remedy = split the order, or sum up lines
finding-total-gross-found = { $found } cents
finding-total-gross-expected = { $expected } cents
finding-total-gross-remedy = correct one of the three: gross is net + VAT
finding-total-net-found = { $found } cents
finding-total-net-expected = { $expected } cents
finding-total-net-remedy = correct it or the lines: it is their sum
finding-total-vat-found = { $found } cents
finding-total-vat-expected = { $expected } cents
finding-total-vat-remedy = correct it or the VAT entries: it is the sum of their amounts
finding-unit-expected = a code of UN/ECE Recommendation 20, such as KWH, MTQ, DAY or C62 (BR-CL-23)
finding-unit-remedy = send the code, not the unit's name
finding-unknown-customer-found = nothing, and nobody is known as { $found }
finding-unknown-customer-expected = a known account, or its customer
finding-unknown-customer-remedy = send the customer with the account's first order
finding-unknown-format-found = an unknown format
finding-unknown-format-expected = a Kvit run file (NDJSON) or an EN 16931 invoice in UBL 2.1 or CII
finding-unknown-format-remedy = send the right file
finding-unreadable-found = what cannot be read ({ $found })
finding-unreadable-expected = a readable file
finding-unreadable-remedy = send the file again
finding-utf-8-found = a byte of another encoding (byte { $found } of the line)
finding-utf-8-expected = UTF-8
finding-utf-8-remedy = export as UTF-8
finding-value-expected = a valid value ({ $expected })
finding-value-remedy = correct the export of this field
finding-vat-amount-found = { $found } cents
finding-vat-amount-expected = { $expected } cents
finding-vat-amount-remedy = the amount is base × rate, rounded to the cent
finding-vat-base-found = { $found } cents
finding-vat-base-expected = { $expected } cents
finding-vat-base-remedy = the base is the sum of the lines with this category and rate
finding-vat-missing-found = no entry
finding-vat-missing-expected = an entry: { $expected } cents
finding-vat-missing-remedy = send an entry for each category and rate
finding-vat-number-expected = the country's two capital letters (EL for Greece), then the number (BR-CO-09)
finding-vat-number-remedy = send the VAT number with its country, such as BG
finding-vat-out-of-scope-found = O beside other categories
finding-vat-out-of-scope-expected = O alone
finding-vat-out-of-scope-remedy = send it as exempt (E) with its ground, or in an order of its own
finding-vat-rate-expected = a rate that fits category { $expected }
finding-vat-rate-remedy = S has a rate above 0, the others have 0
finding-vat-unused-expected = a category and rate of a line, once
finding-vat-unused-remedy = send one entry for each category and rate that lines have
finding-version-expected = from 1
finding-version-remedy = count versions from 1
finding-whole-number-expected = a whole number
finding-whole-number-remedy = correct the export of this field
finding-xml-found = XML that cannot be read ({ $found })
finding-xml-expected = an EN 16931 invoice in UBL 2.1 or CII D16B
finding-xml-remedy = send the right file
finding-xml-attributes-found = an element with over { $found } attributes
finding-xml-attributes-expected = an EN 16931 invoice in UBL 2.1 or CII D16B
finding-xml-attributes-remedy = send the right file
finding-xml-bytes-found = { $found } bytes
finding-xml-bytes-expected = at most { $expected } bytes
finding-xml-bytes-remedy = send the right file
finding-xml-name-spaces-found = over { $found } name space declarations
finding-xml-name-spaces-expected = all of them on the root element
finding-xml-name-spaces-remedy = send the right file
finding-xml-root-found = an element { $found }
finding-xml-root-expected = an EN 16931 invoice in UBL 2.1 or CII D16B
finding-xml-root-remedy = send the right file
finding-xml-utf-8-found = a byte that is not UTF-8, at { $found }
finding-xml-utf-8-expected = an EN 16931 invoice in UBL 2.1 or CII D16B
finding-xml-utf-8-remedy = send the right file

# What is wrong with a bank statement, by the same parts, and where.
finding-place-file = the file
finding-place-statement = statement { $which }
finding-place-entry = entry { $which }
finding-place-report = report { $which }
finding-place-part = a part of the file
finding-place-transaction = transaction { $which }
finding-account-missing-found = no account number (Acct/Id/IBAN)
finding-account-missing-expected = the operator's account: { $expected }
finding-account-missing-remedy = choose the right file; further accounts of the operator are named by [pay] accounts in kvit.toml
finding-account-other-found = the account { $found }
finding-account-other-expected = the operator's account: { $expected }
finding-account-other-remedy = choose the right file; further accounts of the operator are named by [pay] accounts in kvit.toml
finding-balance-currency-found = a balance in { $found }
finding-balance-currency-expected = a balance in { $expected }
finding-balance-currency-remedy = only accounts in the operator's currency are read
finding-balance-incomplete-found = a balance without amount (Amt) or direction (CdtDbtInd)
finding-balance-incomplete-expected = both
finding-balance-incomplete-remedy = fetch the file again; if it stays so, ask the bank
finding-balances-missing-found = no balance before (OPBD) or after (CLBD)
finding-balances-missing-expected = both, so that no entry is missed
finding-balances-missing-remedy = fetch the whole statement, not a part of it
finding-booked-on-found = booking date (BookgDt) `{ $found }`
finding-booked-on-expected = a day such as 2026-11-27
finding-booked-on-remedy = fetch the file again; if it stays so, ask the bank
finding-booked-on-missing-found = no booking date (BookgDt)
finding-booked-on-missing-expected = a day such as 2026-11-27
finding-booked-on-missing-remedy = fetch the file again; if it stays so, ask the bank
finding-cut-off-found = the end of the file inside of an element
finding-cut-off-expected = a whole file
finding-cut-off-remedy = fetch the file again; if it stays so, ask the bank
finding-direction-found = direction (CdtDbtInd) `{ $found }`
finding-direction-expected = CRDT or DBIT
finding-direction-remedy = fetch the file again; if it stays so, ask the bank
finding-direction-missing-found = no direction (CdtDbtInd)
finding-direction-missing-expected = CRDT or DBIT
finding-direction-missing-remedy = fetch the file again; if it stays so, ask the bank
finding-document-other-found = a document `{ $found }`
finding-document-other-expected = a bank statement: camt.053.001 or camt.054.001, version 02 to 13; or a report about direct debits: pain.002.001
finding-document-other-remedy = choose the right file, or ask the bank for statements as camt.053
finding-document-second-found = a second document behind the first
finding-document-second-expected = one document
finding-document-second-remedy = fetch the file again; if it stays so, ask the bank
finding-document-type-found = a document type (DOCTYPE)
finding-document-type-expected = none
finding-document-type-remedy = fetch the file again; if it stays so, ask the bank
finding-encoding-found = text in { $found }
finding-encoding-expected = text in UTF-8
finding-encoding-remedy = ask the bank for the file in UTF-8
finding-end-tag-found = the end of `{ $found }`
finding-end-tag-expected = the end of `{ $expected }`
finding-end-tag-remedy = fetch the file again; if it stays so, ask the bank
finding-entity-found = an entity of its own
finding-entity-expected = plain text
finding-entity-remedy = fetch the file again; if it stays so, ask the bank
finding-entries-sum-found = entries that add up to { $found }
finding-entries-sum-expected = { $expected }, by the balances
finding-entries-sum-remedy = an entry is missing or changed: fetch the whole statement again
finding-entry-amount-found = amount (Amt) `{ $found }`
finding-entry-amount-expected = an amount such as 22.80
finding-entry-amount-remedy = fetch the file again; if it stays so, ask the bank
finding-entry-amount-missing-found = no amount (Amt)
finding-entry-amount-missing-expected = an amount such as 22.80
finding-entry-amount-missing-remedy = fetch the file again; if it stays so, ask the bank
finding-entry-currency-found = an amount in { $found }
finding-entry-currency-expected = an amount in { $expected }
finding-entry-currency-remedy = only accounts in the operator's currency are read
finding-entry-currency-code-found = currency (Amt Ccy) `{ $found }`
finding-entry-currency-code-expected = a currency code of three letters, such as EUR
finding-entry-currency-code-remedy = fetch the file again; if it stays so, ask the bank
finding-entry-currency-missing-found = no currency (Amt Ccy)
finding-entry-currency-missing-expected = a currency code of three letters, such as EUR
finding-entry-currency-missing-remedy = fetch the file again; if it stays so, ask the bank
finding-entry-reference-found = no reference of the bank (AcctSvcrRef)
finding-entry-reference-expected = one, by which the payment is known when another statement has it too
finding-entry-reference-remedy = ask the bank to put its references into the statements
finding-entry-reversal-found = reversal (RvslInd) `{ $found }`
finding-entry-reversal-expected = true or false
finding-entry-reversal-remedy = fetch the file again; if it stays so, ask the bank
finding-entry-status-found = no status (Sts)
finding-entry-status-expected = BOOK or another status
finding-entry-status-remedy = fetch the file again; if it stays so, ask the bank
finding-entry-transactions-found = over { $expected } transactions in one entry
finding-entry-transactions-expected = at most { $expected }
finding-entry-transactions-remedy = ask the bank for smaller entries
finding-ill-formed-found = malformed XML
finding-ill-formed-expected = well-formed XML in UTF-8
finding-ill-formed-remedy = fetch the file again; if it stays so, ask the bank
finding-message-other-found = a message { $found }
finding-message-other-expected = a bank statement: camt.053.001 or camt.054.001, version 02 to 13; or a report about direct debits: pain.002.001
finding-message-other-remedy = choose the right file, or ask the bank for statements as camt.053
finding-nesting-found = over { $expected } elements inside of each other
finding-nesting-expected = at most { $expected }
finding-nesting-remedy = fetch the file again; if it stays so, ask the bank
finding-no-statement-found = no statement
finding-no-statement-expected = at least one
finding-no-statement-remedy = choose the right file, or ask the bank for statements as camt.053
finding-not-utf-8-found = a byte that is not UTF-8
finding-not-utf-8-expected = text in UTF-8
finding-not-utf-8-remedy = fetch the file again; if it stays so, ask the bank
finding-not-xml-found = no XML
finding-not-xml-expected = a bank statement: camt.053.001 or camt.054.001, version 02 to 13; or a report about direct debits: pain.002.001
finding-not-xml-remedy = choose the right file, or ask the bank for statements as camt.053
finding-report-day-found = no day (CreDtTm)
finding-report-day-expected = the day of the report
finding-report-day-remedy = fetch the file again; if it stays so, ask the bank
finding-report-debit-found = no name of ours (OrgnlEndToEndId)
finding-report-debit-expected = the name that the file gave it, such as KVIT-DEBIT-7
finding-report-debit-remedy = only reports about direct debits are read: see to this one by hand
finding-report-file-found = the message `{ $found }`
finding-report-file-expected = a file of direct debits, such as KVIT-DEBITS-3
finding-report-file-remedy = only reports about direct debits are read: see to this one by hand
finding-report-file-missing-found = no name of the file that it is about (OrgnlMsgId)
finding-report-file-missing-expected = a file of direct debits, such as KVIT-DEBITS-3
finding-report-file-missing-remedy = only reports about direct debits are read: see to this one by hand
finding-report-name-found = no name (MsgId)
finding-report-name-expected = the bank's name for it
finding-report-name-remedy = fetch the file again; if it stays so, ask the bank
finding-report-part-found = no name of ours (OrgnlPmtInfId)
finding-report-part-expected = the name that the file gave it, such as KVIT-DEBITS-3-2
finding-report-part-remedy = only reports about direct debits are read: see to this one by hand
finding-report-status-found = no status of anything (GrpSts, PmtInfSts, TxSts)
finding-report-status-expected = at least one
finding-report-status-remedy = fetch the file again; if it stays so, ask the bank
finding-statement-name-found = no name (Id)
finding-statement-name-expected = the bank's name for it
finding-statement-name-remedy = fetch the file again; if it stays so, ask the bank
finding-text-outside-found = text outside of the document
finding-text-outside-expected = nothing but the document
finding-text-outside-remedy = fetch the file again; if it stays so, ask the bank
finding-token-length-found = a tag or text of over { $expected } bytes
finding-token-length-expected = at most { $expected } bytes
finding-token-length-remedy = fetch the file again; if it stays so, ask the bank

# What `kvit doctor` finds.
doctor-settings = { $file } can be read
doctor-settings-made-up = { $file } can be read; its operator is still made up
doctor-secrets = only their owner can read them
doctor-secrets-open = others than the owner can read what is secret: chmod go= { $places }
doctor-writable = { $place } can be written to
doctor-store = it answers
doctor-store-open-line = it answers, on another machine whose certificate nobody checks: end its address with ?sslmode=verify-full
doctor-key = it can be read
doctor-archive = the folder is there
doctor-seal = key and certificate belong together
doctor-roots = { $count ->
    [one] 1 certificate
   *[other] { $count } certificates
 }
doctor-layout-builtin = the one that comes with Kvit lays bills out
doctor-layout = version { $no } lays bills out
doctor-layout-unbrought = bills are issued in the layout that comes with Kvit; { $count ->
    [one] 1 file
   *[other] { $count } files
 } of your own in { $folder } count once a version of them does: `kvit layout bring --as NAME`, then `kvit layout use 1 --as NAME` by a second person
doctor-mails = they can be made
doctor-mails-left-out = texts version { $no } is not said whole: { $name } { $fault }
doctor-mail-settings = they fit together
doctor-portal = its pages can be made
doctor-sign-in = the identity provider has keys
doctor-no-centre = clerks without a service centre: { $logins }. They can recognise no customer: an administrator enters it under “Accounts of staff” (/staff/people), or [staff.oidc] centre_claim names the claim that holds it
doctor-centre-claim = [staff.oidc] centre_claim is empty: a new clerk comes without a centre and can recognise no customer until an administrator enters it under “Accounts of staff” (/staff/people). Name the claim that holds the centre, such as centre_claim = "centre"
doctor-no-alarm = no administrator has an e-mail address, so a mail that codes are being guessed would reach nobody: an administrator enters one under “Accounts of staff” (/staff/people)
doctor-no-administrator = there is no administrator, so a mail that codes are being guessed would reach nobody: kvit staff add LOGIN --role administrator --email ADDRESS
doctor-guessed = they were guessed from many places, so attempts were slowed down until { $until }: block the sources at the proxy; the log names them by pseudonym (`a number and code did not match`)
doctor-autopay = bills are collected as { $creditor } on { $iban }
doctor-autopay-waits = { $people ->
    [one] 1 debit
   *[other] { $people } debits
 } for a person to see to, { $soon ->
    [one] 1 debit
   *[other] { $soon } debits
 } that a file has to have by tomorrow: `kvit pay debits`
doctor-mail-server = { $place } answers
doctor-systems-none = no payment system is set up; bills are paid by bank transfer
doctor-system-broken = { $system }: it cannot be used
doctor-system-silent = { $name } has not answered since { $since }: customers are not offered it, and it comes back by itself; see that this machine reaches it, then ask its support
doctor-refunds-unclear = nobody knows whether the money of { $count ->
    [one] 1 refund
   *[other] { $count } refunds
 } went back: a third person looks at the payment system's pages, and says so at /staff/refunds or with `kvit pay refunds found`
doctor-system = { $system }: its keys can be used{ $ends ->
    [none] { "" }
   *[other] , the first of its certificates ends on { $ends }
 }{ $url ->
    [none] { "" }
   *[other] , { $url } answers
 }
doctor-system-trial = { $system }: it is on trial; customers are not offered it
doctor-system-trial-offered = { $system }: what this test system calls paid counts as money of customers (offer_test = true): see that none comes here
doctor-system-form = { $table } { $key }: `{ $value }` is not { $form ->
    [min] a number (MIN)
    [trial-min] a number, or D and a number (MIN)
    [eight-digits] a number of up to 8 digits
    [eight] 8 characters
    [ten] 10 to 15 characters
   *[number] a number
 }: compare it with the contract
doctor-system-secret = { $table } secret_file: the secret has { $count ->
    [one] 1 character
   *[other] { $count } characters
 }, and ePay's have { $expected }: copy it whole into { $file }
doctor-system-is-trial = mode = "{ $mode }", and { $url } looks like for trying out: no money would move; write its { $mode } address as url in { $table }
doctor-system-is-live = mode = "{ $mode }", and { $url } looks like the live one: real money would move; write its { $mode } address as url in { $table }
doctor-certificates = the first to end does on { $end }
doctor-certificates-none = there are none
doctor-certificate = { $what ->
    [seal] the seal's certificate
    [chain] a certificate of the seal's chain
    [root] a certificate in [seal] trust_roots
    [mail] a certificate in [mail] roots_file
   *[payments] the certificate of { $name }
 } ({ $subject }) { $over ->
    [yes] ended on { $end }
   *[no] ends on { $end }, { $count ->
        [0] today
        [one] in 1 day
       *[other] in { $count } days
    }
 }: { $what ->
    [seal] order a new one, and put its PKCS#12 file where [seal] file says
    [chain] ask the authority for a new seal with its chain
    [root] keep it for the bills that it vouches for, and add the new one
    [mail] ask whoever keeps the mail server for the new one
   *[payments] ask the payment system for its new one, and put it where their_key_file says
 }
doctor-statements-broken = what is kept of { $count ->
    [one] 1 bank statement
   *[other] { $count } bank statements
 } breaks off, so it is not wholly in the books: import the same file again; the log names it
finding-another-holder-found = another company than account { $found } had
finding-another-holder-expected = the same company, or `holder_since`
finding-another-holder-remedy = nothing, if another company holds the account: consent and code of the earlier one end, and the new one consents anew
finding-closed-and-taken-over-found = account { $found } closed and taken over in one run
finding-closed-and-taken-over-expected = the last bill of the earlier holder in an earlier run
finding-closed-and-taken-over-remedy = issue the run with `closed_on` first, so that the last bill goes where it belongs
finding-closed-on-expected = not before { $expected }
finding-closed-on-remedy = correct the day or the period
finding-holder-since-expected = not after { $expected }
finding-holder-since-remedy = bill the earlier holder without `holder_since`
finding-holder-unclear-found = another name or identifier than account { $found } had
finding-holder-unclear-expected = the same party, or `holder_since`
finding-holder-unclear-remedy = where another party holds the account, send the run with `holder_since`, or note it in the console; else their bills go to the earlier holder's address
doctor-pale-primary = `brand.primary` is { $colour }: on the bill, white text on it and text of this colour have a contrast of { $ratio }:1, where WCAG 1.4.3 asks for 4.5:1. Take a darker one, such as { $better }; pages make it darker themselves
doctor-pale-accent = `brand.accent` is { $colour }: on the bill, dark text on it has a contrast of { $ratio }:1, where WCAG 1.4.3 asks for 4.5:1. Take a lighter one, such as { $better }
doctor-without-form = { $count ->
    [one] 1 bill of run { $run } was laid out by itself, which takes a hundred times as long as by a form:
   *[other] { $count } bills of run { $run } were laid out one by one, which takes a hundred times as long as by forms:
}

# Why a shape of bills has no form: what is in the way, and what to do. The command line says the English ones.
formless-page = page { $page }
formless-short = Only longer texts than there is room for are laid out one by one.
formless-no-alphabet = the pages draw no alphabet
formless-no-alphabet-remedy = write `background: alphabet` into `#set page(..)`; `alphabet` comes from prelude.typ
formless-alphabet = the alphabet is not drawn as prelude.typ draws it, or a font lacks some of it: { $shown }
formless-alphabet-remedy = take `alphabet` from prelude.typ as it is (`kvit layout export` writes it anew), and fonts that have all its letters
formless-too-many = there are more than 999 pieces of data on the bill
formless-too-many-remedy = nothing in the layout helps: bills of so many rows are always laid out one by one
formless-pages = how many pages there are follows how long texts are
formless-pages-remedy = give each text a line of its own, as long as the longest that is to be fast, and let rows decide where a page ends
formless-wraps = a text wraps, or is not there, where it is longer
formless-wraps-remedy = put it into `slot(..)` on a line of its own, as long as the longest that is to be fast
formless-moves = where “{ $shown }” stands follows more than its own width
formless-moves-remedy = give its column a width of its own instead of `auto`, let nothing that varies stand before it on its line, and hold it by its left end, its middle or its right end
formless-altered = “{ $shown }” comes of the data, but is not the data as it is
formless-altered-remedy = print the field itself: no `upper`, `slice`, `replace` or part of it
formless-drawing = a drawing follows the data, but not in a straight line
formless-drawing-remedy = let it follow one `share`, `from` or `to` in a straight line, and give what is around it a size of its own
formless-tags = headings, tables, rows or drawings are there or not by what a text says
formless-tags-remedy = let `kind`, `state`, rows and absent fields decide what is there, and no text
formless-told = the words under /{ $shown }, which are heard and found, are not the data as it is
formless-told-remedy = put fields into titles and `alt` as they are, such as by `put(..)`
formless-asks = the layout asks what a text says, so a bill may look otherwise than its form
formless-asks-remedy = let `kind`, `state`, the number of rows and fields that are `none` decide how it looks, and no text
formless-fails = the layout fails on other texts of the same kind: { $shown }
formless-fails-remedy = calculate with no text of the data; what can be counted is a number there
formless-letters = “{ $shown }” is not among the letters of forms in the weight in which it is set
formless-letters-remedy = set data in the regular weight; rare letters are slow in every layout
formless-long = a text is longer than any that was proven to fit
formless-long-remedy = give it a longer line; very long names are slow in every layout
formless-empty = something drawn has no extent on this bill
formless-empty-remedy = give it a least extent, such as `0.3mm + share * height`
formless-engine = the pages are not built as forms need it: { $shown }
formless-engine-remedy = please report it together with the layout
