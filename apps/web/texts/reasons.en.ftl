# What does not work (`fails`), why (`cause`), and what is wrong with a setting (`setting`) or a layout (`layout`); each may have a remedy.
# Names come from src/reason/kinds.rs. The command line says the English ones.
fails-archive-closed = the archive cannot be opened
fails-archive-folder = the archive's folder { $folder } cannot be made
fails-builtin-layout = the layout that comes with Kvit does not work
fails-file-unread = the { $what ->
    [seal] seal
    [roots] trusted certificates
    [mail-roots] mail server's certificates
    [own-key] key at a payment system
    [their-key] payment system's key
   *[logo] logo
 } { $path } cannot be read
fails-files-unread = the files in { $folder } cannot be read
fails-first-number = [issue] first_number has more than ten digits, or is 0
fails-folder-unknown = the current folder is not known
fails-import-stopped = the import stopped
fails-instance-key = { $path } is not an instance key
fails-instance-key-remedy = restore it from your backup: codes and links of bills depend on it
fails-instance-none = there is no instance in { $folder }
fails-instance-none-remedy = name its folder with --dir, or make one with `kvit init --dir FOLDER`
fails-layout = layout { $no } does not work
fails-layout-remedy = `kvit layout use 0 --as NAME` has new runs issued in the layout that comes with Kvit
fails-layout-unknown = there is no layout { $no }
fails-layout-unknown-remedy = `kvit layout list` names them
fails-layout-unread = the layout cannot be read
fails-layout-untried = the layout cannot be tried
fails-lock = { $path } cannot be made
fails-mail-server-silent = { $place } does not answer
fails-mail-server-silent-remedy = see that the mail server runs, and that [mail] host and port are right
fails-mails = the mails cannot be made
fails-named-often = this hand-over was imported 999 times already
fails-no-bill = no bill by its name: { $name }{ $count ->
    [0] { "" }
   *[other] { " " }and { $count } more
 }
fails-no-bill-remedy = give bills the ending .xml or .ndjson, and leave other files out
fails-not-text = { $path } is not UTF-8 text
fails-not-writable = { $place } cannot be written to
fails-not-writable-remedy = { $why ->
    [full] make room, or move it to a larger disk; `df -h { $shell }` says how much is left
    [read-only] its disk is mounted for reading only: `findmnt -T { $shell }` names it; look into `dmesg` for errors of the disk before you mount it for writing again
    [denied] give it to the account that Kvit runs as: `sudo chown -R ACCOUNT { $shell }`
   *[other] look at it with `ls -ld { $shell }` and `df -h { $shell }`
 }
fails-oidc = the identity provider cannot be used
fails-oidc-remedy = compare [staff.oidc] issuer with what its /.well-known/openid-configuration says; until it works, staff sign in with local_accounts = true
fails-other = it does not work
fails-people-unread = what waits for people cannot be read
fails-portal = the portal cannot open
fails-run = the run cannot be imported
fails-run-name = the run cannot be named
fails-seal = the seal cannot be used
fails-secret-empty = [pay.providers.{ $name }] does not work: { $path } is empty
fails-secret-shared = [pay.providers.{ $name }] and [pay.providers.{ $other }] have one merchant and one secret: what is paid at one could be reported again as paid at the other
fails-secret-shared-remedy = ask for a secret of its own for each
fails-secret-unread = the { $what ->
    [instance-key] instance key
    [seal-password] seal's password
    [database] database address
    [mail-password] mail password
    [client-secret] client secret
   *[system-secret] payment system's secret
 } in { $path } cannot be read
fails-setting = { $key } does not work
fails-settings = { $path } cannot work:
fails-statement = the statement is not wholly in the books
fails-statement-remedy = upload it again, it counts once
fails-store = the store does not do it
fails-store-closed = the store cannot be opened
fails-store-closed-remedy = `kvit doctor` looks at each part of the instance
fails-store-missing = the store { $file } is not there
fails-store-missing-remedy = restore it from your backup; for a new, empty store make an empty file of this name
fails-system = [pay.providers.{ $name }] does not work
fails-system-key = [pay.providers.{ $name }] does not work: { $path }
fails-system-unreached = { $system }: { $url } does not answer
fails-system-unreached-remedy = see that this machine reaches it, then ask its support
fails-systems-unread = what is known of payment systems cannot be read
fails-too-deep = { $name } lies more than { $max } folders deep
fails-too-many-files = the hand-over holds more than { $max } files
fails-too-many-files-remedy = hand over less at a time, or raise [import] files_max
fails-trust-roots = { $path } holds no certificates to trust
fails-unread = { $name } cannot be read
fails-zip-files = { $name }: the ZIP lists { $found } files, and may list { $max }
fails-zip-files-remedy = pack fewer files into one ZIP, or raise [import] files_max
fails-zip-list = { $name }: the ZIP's list of files is larger than { $max } of them need
fails-zip-list-remedy = pack fewer files into one ZIP, or raise [import] files_max

cause-archive-folder = the folder { $folder } cannot be used
cause-archive-objects = { $folder } cannot keep packs
cause-bill-data = the bill's data could not be written for the layout
cause-bill-time = the bill's time of issue is outside the years 0 to 9999
cause-bill-twin = the bill has no valid EN 16931 twin
cause-broken-off = it breaks off
cause-certificate = its certificate is not trusted
cause-certificate-remedy = see whether it is over, is for another name, or comes from an authority that this machine does not know
cause-certificate-dates = the certificate's dates cannot be read
cause-certificate-unread = the certificate cannot be read
cause-code-long = a square code cannot be drawn: its text is too long
cause-colour = `{ $value }` is not a colour
cause-colour-remedy = write it as #rrggbb, such as #14532d
cause-cut = its answer is too long or broke off
cause-database = the database failed
cause-database-closed = cannot open the database { $place }
cause-database-closed-remedy = see that it is there and lets this account in
cause-database-corrupt = the database holds a bad { $what }: `{ $value }`
cause-database-corrupt-remedy = restore it from a backup
cause-database-schema = the database schema could not be brought up to date
cause-database-url = `{ $url }` is not a database address, such as sqlite://kvit.db or postgres://user@host/kvit
cause-denied = permission was denied
cause-died = a part of the program stopped at a fault of its own
cause-died-remedy = please report it with the log
cause-engine = the layout engine failed on this bill
cause-engine-remedy = please report it with the layout
cause-exists = there is a file of this name already
cause-export = the exported PDF cannot take twin and signature field
cause-full = the disk is full
cause-hex = it is not 64 hexadecimal digits
cause-in-use = the address is in use already
cause-is-folder = it is a folder
cause-kept-breaks-off = what is kept of it breaks off
cause-kept-breaks-off-remedy = import the same file again
cause-key-algorithm = the private key is neither RSA of 2048 to 4096 bits nor ECDSA on P-256, or it is damaged
cause-key-certificate = a certificate in the file cannot be read
cause-key-foreign = no certificate in the file belongs to its private key
cause-key-foreign-remedy = export both together
cause-key-format = this is not a PKCS#12 file that Kvit can read
cause-key-format-remedy = export the key again, for example with `openssl pkcs12 -export`
cause-key-none = the file holds no private key
cause-key-none-remedy = export the certificate together with its key
cause-key-not-for-seals = the certificate of { $subject } may not sign documents: its key usage names neither digital signature nor content commitment, or it is an authority’s
cause-key-not-for-seals-remedy = ask for a seal certificate
cause-key-password = the password does not open the key file
cause-key-password-remedy = check it, or whether the file was damaged
cause-key-several = the file holds several private keys
cause-key-several-remedy = export the one that seals into a file of its own
cause-logo = the logo is not an SVG image in UTF-8
cause-logo-remedy = save it as plain SVG
cause-mail-address = the sender's address cannot be used
cause-mail-host = `{ $host }` is not a host name
cause-mail-login = a mail login needs a user and a password, and an encrypted conversation or loopback
cause-mail-open = unencrypted mail to `{ $host }` is not allowed
cause-mail-open-remedy = use TLS, or allow it in the settings
cause-mail-roots = the extra certificates are not PEM certificates
cause-mail-setting = `{ $value }` cannot be used in mails
cause-mail-template = the mail template `{ $name }` does not work
cause-mail-texts = the mail texts `{ $name }` are wrong
cause-mail-unknown = `{ $name }` is not a template or text of mails
cause-name-unknown = nobody knows a machine of this name
cause-name-unknown-remedy = compare the name, and see that this machine can look names up
cause-no-address = its address is none
cause-not-folder = there is a file in the place of a folder
cause-not-found = there is no such file or folder
cause-not-text = it is not UTF-8 text
cause-oidc-flow = { $issuer } does not offer the authorization code flow
cause-oidc-issuer = { $url } speaks for the issuer { $told }, not for { $issuer }
cause-oidc-keys = { $url } holds no key that signs
cause-oidc-none = { $url } says no OpenID Connect
cause-oidc-unfetched = { $url } cannot be fetched
cause-open-line = only https leaves this machine
cause-page-file-unknown = `{ $name }` replaces nothing: own files are named as the portal’s (home.html, app.css, bg.ftl, ...)
cause-page-template = template `{ $name }` is broken
cause-page-texts = text file `{ $name }` is broken
cause-public-url = `{ $url }` is not a public address such as https://bills.example.bg
cause-quota = the account's share of the disk is used up
cause-read-only = the disk is mounted for reading only
cause-record-unwritten = a record cannot be written
cause-refused = the connection was refused
cause-report-unwritten = the report cannot be written
cause-reset = the connection was broken off
cause-root-unread = trust root number { $no } cannot be read
cause-roots-empty = the file holds no certificate
cause-roots-empty-remedy = a BEGIN CERTIFICATE block was expected
cause-roots-pem = the file is not PEM
cause-roots-pem-remedy = each certificate stands between BEGIN and END lines
cause-rsa-missing = there is no { $what ->
    [private] private key
   *[public] certificate or public key
 } in it
cause-rsa-missing-remedy = write it in PEM, a private key unencrypted (`openssl pkey -in OLD -out NEW` removes its password)
cause-rsa-unfit = the { $what ->
    [private] private key
   *[public] certificate or public key
 } is not an RSA key of 2048 to 8192 bits
cause-run-unkept = the run could not be kept
cause-seal-certificate = the seal certificate cannot be read
cause-slow = it took too long
cause-statement-unbooked = the statement cannot be booked
cause-statement-unread = the statement cannot be read
cause-status = it answered with status { $status }
cause-tls = TLS cannot be set up
cause-too-large = the file is too large
cause-too-large-remedy = ask the bank for a statement a day
cause-unreachable = the machine or its network cannot be reached

setting-account-iban = `{ $value }` is not an IBAN
setting-account-iban-remedy = write an IBAN, such as BG80 BNBG 9661 1020 3456 78
setting-address = the address is not whole
setting-address-remedy = name at least the city and the country's two capital letters, such as BG
setting-bank-name = bank transfers have this name
setting-bank-name-remedy = choose another
setting-bic = `{ $value }` is not a BIC of 8 or 11 characters
setting-bic-remedy = copy it from the bank, or leave it empty
setting-bytes = a limit of 0
setting-bytes-remedy = use bytes
setting-colour = `{ $value }` is not a colour
setting-colour-remedy = write it as #rrggbb, such as #14532d
setting-creditor = `{ $value }` is not a creditor identifier: its check digits do not fit
setting-creditor-remedy = copy it from the letter that gave it to you, or write on = false
setting-creditor-missing = autopay needs it
setting-creditor-missing-remedy = copy it from the letter that gave it to you, or write on = false
setting-database = it is not the address of a database
setting-database-remedy = write sqlite://kvit.db, or postgres://USER@HOST/NAME
setting-debit-account = `{ $value }` is no account of the operator whose statements come in here
setting-debit-account-remedy = leave it empty for operator.iban, or name the account in [pay] accounts too
setting-debit-euro = direct debits are in euro
setting-debit-euro-remedy = write "EUR" as operator.currency, or on = false
setting-declaration = it is empty
setting-declaration-remedy = name the version of the declaration that customers agree to
setting-domain = `{ $value }` is not a domain
setting-domain-remedy = write the domain of your mails, such as example.bg
setting-eik = `{ $value }` is not a company identifier: 9 or 13 digits, the last a check digit
setting-eik-remedy = copy it from the trade register
setting-email = `{ $value }` is not an e-mail address
setting-email-remedy = write it as name@example.bg
setting-euro = payment systems take euro only
setting-euro-remedy = write "EUR", or remove the sections [pay.providers.NAME]
setting-field-missing = missing field `{ $found }`
setting-field-missing-remedy = compare with what `kvit init` writes
setting-file-missing = no { $what ->
    [pkcs12] PKCS#12 file
    [password] password file
   *[folder] folder
 } is named
setting-file-missing-remedy = write a path; a relative one is seen from the instance's folder
setting-first-number = { $value } is not a number of at most ten digits, from 1
setting-first-number-remedy = use the number after the last one given elsewhere
setting-guard = a limit of 0
setting-guard-remedy = use numbers from 1
setting-host = `{ $value }` is not the name of a machine
setting-host-remedy = write a name or an IP address
setting-hotline = it is empty
setting-hotline-remedy = name the line that answers day and night
setting-iban = `{ $value }` is not an IBAN: its check digits do not fit
setting-iban-remedy = copy it from the bank
setting-issuer = `{ $value }` is not the issuer of an identity provider
setting-issuer-remedy = copy "issuer" from the provider’s /.well-known/openid-configuration, to the letter; it begins with https://
setting-key-missing = it is missing
setting-key-missing-remedy = write it as `kvit init` does
setting-key-unknown = unknown field `{ $found }`, expected { $expected }
setting-key-unknown-remedy = compare with what `kvit init` writes
setting-ladder = a retry ladder has 1 to { $steps } delays, each of 1 to { $seconds } seconds
setting-ladder-remedy = write waits in seconds, such as [60, 300, 900]
setting-listen = not an address such as 127.0.0.1:8480
setting-listen-remedy = compare with what `kvit init` writes
setting-mail-login = a login has a user and a password
setting-mail-login-remedy = set both user and password_file, or neither
setting-mail-open = mail to `{ $value }` would be readable on its way
setting-mail-open-remedy = use "starttls" or "tls"; within a network of your own, allow_plain_remote = true
setting-moved = { $keys } have no place in the section itself
setting-moved-remedy = write mode = "{ $mode }" there, and the keys into [{ $path }.{ $mode }]
setting-needed = a payment system of the kind { $kind } needs it
setting-needed-remedy = write what the contract with the payment system says
setting-no-roles = no group has a role, so nobody could sign in
setting-no-roles-remedy = write roles = { "{" } GROUP = "agent" { "}" }
setting-no-sign-in = nobody could sign in to the console
setting-no-sign-in-remedy = write true, or add [staff.oidc]
setting-no-slash = it does not end with a slash
setting-no-slash-remedy = write the slash at the end: the paths of EasyPay follow it
setting-no-table = there is no [{ $path }.{ $mode }], and mode = "{ $mode }"
setting-no-table-remedy = write that table with what the contract says, or the other mode
setting-oidc-empty = it is empty
setting-oidc-empty-remedy = write it as OPERATIONS.md says
setting-order-twice = a name comes twice
setting-order-twice-remedy = name each once
setting-order-unknown = there is no [pay.providers.{ $name }]
setting-order-unknown-remedy = name only payment systems that have a section
setting-password-open = the password would be readable on its way
setting-password-open-remedy = use "starttls" or "tls"
setting-port = port 0
setting-port-remedy = use 25, 465 or 587
setting-public-open = codes and bills of real customers would be readable on their way
setting-public-open-remedy = write https://, and put a reverse proxy with TLS in front
setting-range = { $value } is not between 1 and { $max }
setting-range-remedy = choose a number in this range
setting-reminder-days = { $days } are not up to { $most } different numbers of days, 1 to { $max }
setting-reminder-days-remedy = write days such as [3], or [] for none
setting-reminder-hours = { $from } to { $to } are no hours of a day
setting-reminder-hours-remedy = write full hours from 0 to 24, the second later than the first
setting-role = `{ $role }`, for `{ $group }`, is no role
setting-role-remedy = use agent, clerk, billing, auditor and administrator
setting-section-missing = the section is missing
setting-section-missing-remedy = write it as `kvit init` does
setting-series = `{ $value }` is not a series (up to 20 lower-case letters, digits or -)
setting-series-remedy = use a short name such as main
setting-slash = it ends with a slash
setting-slash-remedy = remove the slash
setting-strengths = no strengths of a sign-in: { $values }
setting-strengths-remedy = write each value by itself and without spaces, as the provider names it: acr_values = ["phr", "phrh"]
setting-system-name = `{ $value }` cannot name a payment system: up to 20 lower-case letters, digits and dashes
setting-system-name-remedy = use a short name such as epay
setting-text-empty = it is empty
setting-text-empty-remedy = write the text in both languages
setting-text-expected = expected a text, such as "…" or { "{" } bg = "…", en = "…" { "}" }
setting-text-expected-remedy = compare with what `kvit init` writes
setting-time-zone = `{ $value }` is not a time zone
setting-time-zone-remedy = use an IANA name such as Europe/Sofia
setting-toml = it is no TOML
setting-toml-remedy = correct the TOML
setting-trial = what a test system calls paid would count as money of customers
setting-trial-remedy = write mode = "live", or take it out of [pay] order (a biller: remove its section) until then; where no customer comes, offer_test = true in [pay]
setting-type = invalid type: { $found }, expected { $expected ->
    [u8] a whole number up to 255
    [u16] a whole number up to 65535
    [whole] a whole number
    [boolean] true or false
    [address] an address such as 127.0.0.1:8480
    [string] a string
    [sequence] a sequence
   *[other] { $shown }
 }
setting-type-remedy = compare with what `kvit init` writes
setting-value = the value does not fit
setting-value-remedy = compare with what `kvit init` writes
setting-variant = unknown variant `{ $found }`, expected { $expected }
setting-variant-remedy = compare with what `kvit init` writes
setting-vat = `{ $value }` is not a VAT number
setting-vat-remedy = write it with the country's letters, such as BG123456789
setting-way = `{ $value }` is no way of paying
setting-way-remedy = use account, card and cash
setting-web-address = `{ $value }` is not a web address
setting-web-address-remedy = write it as https://bills.example.bg

layout-argument-missing = missing argument: { $name }
layout-argument-missing-remedy = add it
layout-argument-odd = unexpected argument: { $name }
layout-argument-odd-remedy = remove it, or correct its name
layout-changed = its files changed while they were tried
layout-changed-remedy = bring it again
layout-depth = functions, or parts of the page, go too deep into each other
layout-depth-remedy = look for something that holds or calls itself
layout-empty-folder = the folder has no files
layout-empty-zip = the ZIP has no files
layout-ended = { $kind ->
    [any] a bill
   *[other] { $kind }: the bill
 } ended the trial ({ $status })
layout-ended-remedy = look for a function that calls itself without end
layout-endless = { $kind ->
    [any] a bill
   *[other] { $kind }: the bill
 } is not laid out within { $seconds } seconds
layout-endless-remedy = look for a loop that does not end
layout-expected = expected { $expected }, found { $found }
layout-expected-remedy = write what is expected there
layout-file-large = is over { $mib } MiB
layout-file-large-remedy = leave only the files that you change in it
layout-file-missing = file not found: { $name }
layout-file-missing-remedy = add the file, or correct its name
layout-file-name = is not a file name
layout-file-name-remedy = rename it
layout-files-max = the layout has more than { $max } files
layout-files-max-remedy = leave only the files that you change in it
layout-font-unknown = unknown font family: { $name }
layout-font-unknown-remedy = take a font that the layout has, or put its file into fonts/
layout-key-missing = dictionary does not contain key { $name }
layout-key-missing-remedy = correct the key; docs/LAYOUT.md names the fields of a bill
layout-memory = { $kind ->
    [any] a bill
   *[other] { $kind }: the bill
 } takes more than { $mib } MiB of memory
layout-memory-remedy = draw less at once; look for a list, text or picture that grows without end
layout-name-taken = Kvit makes a file of this name
layout-name-taken-remedy = choose another
layout-not-a-font = is not a TrueType or OpenType font
layout-not-a-font-remedy = put the font there as .ttf or .otf
layout-not-a-layout = is neither a ZIP file nor a Typst file (.typ)
layout-not-a-layout-remedy = send the ZIP of the layout's folder
layout-not-utf-8 = is not UTF-8
layout-not-utf-8-remedy = save it as UTF-8
layout-twice = is there twice
layout-twice-remedy = keep one of the two
layout-typst = Typst does not take what stands here
layout-typst-remedy = correct the line
layout-unclosed = unclosed { $what ->
    [delimiter] delimiter
    [string] string
    [label] label
   *[other] { $shown }
 }
layout-unclosed-remedy = close it
layout-unpackable = cannot be unpacked
layout-unpackable-remedy = pack it again
layout-unpacked-large = is over { $mib } MiB, or all files together are over { $all } MiB
layout-unpacked-large-remedy = leave only the files that you change in it
layout-variable-unknown = unknown variable: { $name }
layout-variable-unknown-remedy = define it, or correct it
layout-zero = cannot divide by zero
layout-zero-remedy = ask first whether it is zero
layout-zip-broken = a broken ZIP file
layout-zip-broken-remedy = pack it again
layout-zip-files = the ZIP lists { $found } files, and may list { $max }
layout-zip-files-remedy = leave only the files that you change in it
layout-zip-list = the ZIP's list of files is larger than { $max } of them need
layout-zip-list-remedy = leave only the files that you change in it
