# The texts of the pages in English. A folder with your own en.ftl can replace any of them.
site-title = { $operator } · e-bill
skip = Skip to content
nav-label = Main navigation
nav-bills = My bills
nav-enrol = E-bill
nav-help = Help
nav-privacy = Privacy
nav-logout = Sign out
nav-home = Home
language-switch = Български
hotline = Phone, day and night
foot-eik = Company no. { $eik }

month-1 = January
month-2 = February
month-3 = March
month-4 = April
month-5 = May
month-6 = June
month-7 = July
month-8 = August
month-9 = September
month-10 = October
month-11 = November
month-12 = December
date = { $day } { $month } { $year }
date-time = { $date } at { $time }
month-year = { $month } { $year }
date-span = { $from } – { $to }
kind-invoice = Invoice
kind-credit = Credit note
kind-debit = Debit note

home-title = See your bill
home-lead = How much you owe, when to pay by, and the bill itself to download. All you need are the two numbers printed on it.
home-check = Check your bill
home-numbers = The two numbers on your bill
home-point-1 = No account and no password
home-point-2 = Amount, due date and the bill itself as a PDF
home-point-3 = { $minutes ->
    [one] Access closes by itself after one minute
   *[other] Access closes by itself after { $minutes } minutes
}
home-left = You have signed out. Your bills can no longer be seen on this device.
home-enrol-title = Get your bill by e-mail
home-enrol-text = The same document as on paper, sealed by us, in your mailbox within 24 hours of its issue. It is free, and you can go back to paper whenever you like.
home-enrol-button = I want the e-bill
home-help-title = Rather talk to a person?
home-help-text = Call us at any hour, day or night.

number-label = Customer number
number-hint = Printed on the first page of every bill.
code-label = Authorization code
code-hint = The eight digits next to the customer number.
check-button = Show my bills
continue-button = Continue
check-lost-title = No bill to hand?
check-lost-text = Call us at any hour and we will help.
session-ended = For your safety the access has closed. Enter the two numbers once more.

error-summary = Please correct the following
error-title-prefix = Error:
error-number = Enter the customer number as printed: Latin letters, digits and dashes.
error-code = Enter the eight digits of the authorization code.
error-mismatch = The customer number and the code do not belong together. Check them on your latest bill and try again.
error-email = Enter the whole e-mail address, such as name@example.com.
error-email-same = Your bills already come to this address. To change it, enter another one.

lock-title = The check is paused for a while
lock-text = There were too many attempts. We pause for a short time to keep bills from strangers' eyes.
lock-when = { $minutes ->
    [one] Try again in one minute.
   *[other] Try again in { $minutes } minutes.
}
lock-help = If you are in a hurry or cannot find your code, call us and we will help at once.

bills-title = My bills
bills-for = Customer number { $number }
bills-empty-title = No bills yet
bills-empty-text = You will find the first one here as soon as we issue it.
bills-latest = Latest bill: { $period }
bills-earlier = Earlier bills
bills-by-year = All bills by year
bills-number = No. { $number }
bills-due = Pay by { $date }
bills-nothing = Nothing to pay
bills-download = PDF
bills-download-label = PDF, { $period }, no. { $number }
bills-download-latest = Download PDF
bills-reference = Payment reference: { $reference }
bills-paper-title = Your bill comes on paper
bills-paper-text = It can come by e-mail instead: sooner, and it never gets lost.
bills-pending-title = One step left: confirm your e-mail
bills-pending-text = We sent a message to { $email }. Open it and press its button. Until then your bill comes on paper.
bills-pending-again = Send it again or to another address
bills-active-title = Your bill comes by e-mail
bills-active-text = We send it to { $email }.
bills-changes-text = We also sent a message to { $email }: once you press its button, your bill will come there.
bills-active-change = Change the address
bills-active-paper = I want paper again

year-title = Bills issued in { $year }
year-back = Back to the latest bills
year-choose = Year
year-zip = All of { $year } (ZIP)
year-empty = No bills were issued in this year. Choose another one.

enrol-title = Your bill by e-mail
enrol-lead = It takes two minutes. From then on your bill arrives by itself, within 24 hours of its issue.
enrol-step-1 = Step 1 of 2: who you are
enrol-step-2 = Step 2 of 2: where to send it
enrol-for = For customer number { $number }.
enrol-now-at = Your bill now comes to { $email }.
email-label = E-mail address
email-hint = We will send a message with a link to it, to be sure that it is yours.
consent-title = Your consent
consent-text = I agree that { $operator } sends me invoices, credit notes and debit notes electronically to this address instead of on paper. I know that the electronic document has the same force as the paper one, and that I can return to paper at any time, free of charge.
consent-version = Declaration, version { $version }
consent-button = I agree, continue
typo-hint = Did you mean:
typo-instead = Yes, that is the right address
typo-sure = If the address is right as you wrote it, continue with the button at the bottom.
enrol-sent-title = Check your e-mail
enrol-sent-text = We sent a message to { $email }. Open it and press its button to switch the e-bill on.
enrol-sent-hours = { $hours ->
    [one] The link is good for one hour.
   *[other] The link is good for { $hours } hours.
}
enrol-sent-spam = No message? Wait a few minutes and look in the spam or junk folder.
enrol-sent-until = Until you confirm, your bill keeps coming as before.
enrol-another = I mistyped the address

prove-title = Confirm your e-mail
prove-text = Press the button, and the bills for customer number { $number } will come to { $email }.
prove-button = Yes, this address is mine
prove-not-you = You did not ask for this? Close the page: nothing changes unless you press.
proved-title = Done, thank you
proved-text = Your e-bill is on. Every bill issued after { $date } will come to { $email }.
proved-paper = If you change your mind, one press takes you back to paper.
prove-already-title = Your e-mail is already confirmed
prove-already-text = Your bills come to { $email }. There is nothing more to do.
prove-expired-title = This link is no longer valid
prove-expired-text = Too much time has passed, or you asked for a new one. Start again, it takes two minutes.
prove-unknown-title = We do not recognise this link
prove-unknown-text = It may not have been copied to the end. Open the message and press the link in it, or ask for a new one.
prove-again = I want a new link

receipt-title = Did you receive this bill?
receipt-text = One press confirms that you have received it. This is not a payment, and it does not mean that you agree with the amount.
receipt-button = Yes, I have received it
receipt-done-title = Thank you, noted
receipt-done-text = You confirmed receipt on { $when }.
receipt-already-title = You have already confirmed
receipt-already-text = Receipt was noted on { $when }. There is nothing more to do.
receipt-unknown-title = We do not recognise this link
receipt-unknown-text = It may be old, or not copied to the end. Open the message with the bill and press the link in it. No harm is done: the bill is still valid.
fact-number = Number
fact-period = For the period
fact-amount = Amount to pay
fact-total = Document total
fact-due = Pay by
fact-issued = Issued on
fact-issuer = Issuer
fact-kind = Document
fact-hash = SHA-256 of the file

paper-title = Back to paper
paper-text = Bills for customer number { $number } will no longer come by e-mail but on paper. It works at once and is free.
paper-ask = Enter the two numbers from your bill. It works at once and is free.
paper-button = I want my bill on paper
paper-keep = No, keep sending it by e-mail
paper-done-title = Done, back on paper
paper-done-text = Every bill issued after { $date } will come on paper by post.
paper-none-title = Your bill already comes on paper
paper-none-text = There is no e-bill for this customer number, so there is nothing to switch off.
paper-elsewhere-title = The bill no longer comes to this e-mail
paper-elsewhere-text = There is nothing to switch off: bills are no longer sent to the address that got this message.
paper-enrol = I want the e-bill

verify-title = This document is genuine
verify-text = It was issued by { $operator }. Compare these details with your document: they must be the same.
verify-how-title = How to check the file itself
verify-how-1 = Open the PDF with a reader that shows signatures. The electronic seal must be that of { $operator }, with no changes after it.
verify-how-2 = To be entirely sure, compute the SHA-256 of the file and compare it with the value here. If a single character was changed, it will differ.
verify-not-title = We find no such document
verify-not-text = This address does not lead to a bill issued by { $operator }. Do not pay the document before you have checked it with us.
verify-not-typed = If you typed the address by hand, try again, or point your phone at the square code on the bill.
said-help = You can call us at any time:

help-title = Help
help-where-title = Where are the number and the code?
help-where-text = The customer number and the authorization code are printed together on the first page of every bill. The code has eight digits.
help-wrong-title = The code does not work
help-wrong-text = Look it up on your latest bill: it may have changed. After a few wrong attempts the check pauses for a while to protect your data.
help-mail-title = The message with the link does not arrive
help-mail-text = Look in the spam or junk folder. If it is not there, ask for the e-bill again and check that the address is spelled right.
help-genuine-title = Is my bill genuine?
help-genuine-text = Point your phone at the square verification code on the bill. The page that opens says whether we issued it.
help-paper-title = I want paper again
help-paper-link = Go back to paper with one press
help-complaint-title = I have a complaint
help-dispute-title = If we cannot agree
help-switch-title = Changing supplier
help-contact-title = Call us
help-contact-text = At any hour, day or night:

privacy-title = Privacy and cookies
privacy-cookies = We use only the cookies that these pages cannot do without:
privacy-cookie-1 = one keeps your access to the bills for { $minutes } minutes;
privacy-cookie-2 = one protects forms from other sites until you close the browser;
privacy-cookie-3 = one remembers the language you chose for a year;
privacy-cookie-4 = one remembers for 400 days that the right code was entered in this browser, so that a stranger's wrong attempts do not lock you out.
privacy-text-1 = No advertising, no tracking, and nothing is loaded from other sites.
privacy-text-2 = We use your e-mail address only for your bills. We keep when and to which text you agreed, to be able to prove it. Instead of your network address we keep only a fingerprint from which it cannot be read.
privacy-text-3 = Bills are kept for as long as the law requires. To ask for your data or to object, write to:

fault-help = Do you need help? Call us:
fault-home = To the start page
fault-not-found-title = There is no such page
fault-not-found-text = The address may be mistyped, or the page has moved.
fault-method-title = This page does not open that way
fault-method-text = Please start again from the beginning.
fault-foreign-title = This form has expired
fault-foreign-text = For your safety we accept forms only from these pages, and only with cookies on. Open the page again and retry.
fault-request-title = We did not understand the request
fault-request-text = Something is missing or too long. Open the page again and retry.
fault-slow-title = That took too long
fault-slow-text = Please try again in a minute.
fault-inside-title = Something went wrong on our side
fault-inside-text = It is not your fault. Nothing is lost, please try again in a minute.

bills-paid = Paid
bills-unpaid = Not paid
bills-rest = { $amount } left
bills-pay = Pay

pay-title = Paying your bill
pay-open = To pay
pay-rest = Left to pay
pay-overdue = Was due by { $date }
pay-older = This includes { $amount } of earlier bills.
pay-paid-title = This bill is paid
pay-paid-text = There is nothing more to pay on it. Thank you.
pay-nothing-title = Nothing to pay
pay-nothing-text = This document asks for no payment.
pay-back = You came back from the payment page. Once the money is confirmed, it will say here that the bill is paid. If you have paid, do not pay again.
pay-back-title = We are waiting for the payment to be confirmed
pay-back-text = We do not know yet whether the payment went through. If you have paid, do not pay again: you will see it with your bills within a few minutes.
pay-no-code = No code for paying in cash can be given just now. Nothing was paid. Try again in a little while, or pay another way.
pay-history = Payments of this bill
pay-state-started = { $amount } through { $way }: begun on { $when }, not confirmed yet.
pay-state-ordered = { $amount } through { $way }: ordered on { $when }. It counts as paid once the money is confirmed.
pay-state-ordered-cash = { $amount } in cash: show this code at a desk by { $until }. The bill counts as paid once the desk has told us.
pay-state-settled = { $amount } through { $way }: paid. Begun on { $when }.
pay-state-declined = { $amount } through { $way }: the payment was declined, nothing was paid.
pay-state-expired = { $amount } through { $way }: its time ended on { $until }, nothing was paid.
pay-state-reversed = { $amount } through { $way }: the money was given back.
pay-refresh = Refresh the page
pay-choose = Choose how to pay
pay-choose-other = Pay another way
pay-way-card = By card through { $title }
pay-way-cash = In cash at an EasyPay desk
pay-bank-title = By bank transfer
pay-bank-text = Write the reference exactly as it stands here, so that the payment reaches this bill.
pay-description = Bill { $number }
pay-due-line = Bill { $number }, due by { $date }
pay-unknown-title = We do not recognise this link
pay-unknown-text = It may not have been copied to the end. Open the message with the bill and press the link in it, or sign in with the two numbers from your bill.
paygo-title = On to { $title }
paygo-text = You will pay { $amount }. You enter the payment details only there; we do not see them.
paygo-button = Continue to { $title }
fact-recipient = Recipient
fact-iban = IBAN
fact-reference = Reference
