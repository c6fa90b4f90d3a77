# The mails to customers. Each text can be replaced on its own.

bill-subject-invoice = Your bill for { $period }: { $amount }, due { $due }
bill-subject-debit = Debit note { $number }: { $amount }, due { $due }
bill-subject-credit = Credit note { $number } for { $amount }
bill-subject-nothing = Your bill for { $period }: nothing to pay

greeting = Hello!
greeting-named = Hello { $name },
bill-intro-invoice = Here is your bill for { $period }. It is attached to this mail as a PDF file.
bill-intro-nothing = Here is your bill for { $period }. It is attached to this mail as a PDF file.
bill-intro-debit = Here is a debit note. It is attached to this mail as a PDF file.
bill-intro-credit = Here is a credit note. It is attached to this mail as a PDF file.
label-to-pay = To pay
label-credit-note = Credit note for
due = Pay by { $due }
nothing-to-pay = You do not need to pay anything.
in-credit = You have { $credit } in your favour.
still-to-pay = You still have { $to_pay } to pay by { $due }.
label-number = Document no.
label-customer = Customer number
label-period = Period
label-iban = IBAN
label-reference = Payment reference
pay-button = Pay online
pay-hint = For a bank transfer, write the reference exactly as it is here, so that your payment reaches this bill.
confirm-why-bill = Please confirm that you received the bill. Otherwise we cannot know whether it reached you.
confirm-why-note = Please confirm that you received the document. Otherwise we cannot know whether it reached you.
confirm-button = Confirm receipt
link-fallback = If the button does not work, open this address in your browser:
pay-warning = Pay only to the account shown here and in the attached PDF file. We never change our IBAN by mail.

payment-subject-paid = We received your payment of { $amount }
payment-subject-back = Your payment of { $amount } was taken back
payment-intro-paid = We received your payment. Thank you.
payment-intro-back = A payment that we had counted towards your bills was taken back. We do not have the money any more.
payment-label-paid = Paid
payment-label-back = Taken back
payment-when = Paid on { $when }
payment-when-through = Paid on { $when } through { $way }
payment-when-bank = Paid by bank transfer on { $when }
payment-for-paid = This money paid:
payment-for-back = This money had paid:
payment-bill = Bill no. { $number } for { $period }
payment-bill-whole = paid in full
payment-bill-open = { $rest } still to pay
payment-open = On all your bills together, { $open } is still to pay.
payment-credit = You have { $credit } in your favour. It goes towards your next bill.
payment-settled = All your bills are paid.
payment-do = Please pay again, online or in any other way.
payment-do-nothing = Your bills are still paid, and you do not need to do anything.
payment-ask = If you know nothing of this, or the money has not come back to you, please call us on { $hotline }.
why-payment = You get this mail because your bills from { $operator } come by e-mail.

reminder-subject-before = A reminder: { $amount } for { $period }, due { $due }
reminder-subject-after = A reminder: your bill for { $period } is not paid yet
reminder-intro-before = Your bill for { $period } is due soon. We are writing only so that it does not slip your mind.
reminder-intro-after = Your bill for { $period } was due, and the payment has not reached us yet. It is easily forgotten, so here is a reminder.
reminder-label = Still to pay
reminder-due-before = Pay by { $due }
reminder-due-after = It was due on { $due }
reminder-transfer = For a bank transfer, write this reference. The account is printed on the bill itself: we never announce a new one by mail.
reminder-paid = If you have paid already, thank you: there is nothing to do. A payment may take a day or two to reach us.
reminder-trouble = If anything on the bill is unclear, or you find it hard to pay it now, please call us on { $hotline }.
reminder-stop = I want no more reminders
why-reminder = You get this reminder because your bills from { $operator } come by e-mail.

proof-subject = Confirm your address for electronic bills
proof-intro = Someone, most likely you, asked for the bills of { $operator } for customer number { $customer } to be sent to this address.
proof-action = Before we start, please confirm that the address is yours:
proof-button = Confirm the address
proof-expires = The link works until { $expires }.
proof-not-you = If it was not you, do nothing: without confirmation no bills will come here.

sign-in-subject = A link to your bills
sign-in-intro = Someone, most likely you, asked to see the bills of { $operator } for customer number { $customer }.
sign-in-action = To see them, open the link on the device that you are using now:
sign-in-button = See your bills
sign-in-expires = The link works until { $expires }, and only once.
sign-in-not-you = If it was not you, do nothing, and do not forward this message: whoever has the link sees your bills.

why-bill = You get this mail because you chose to receive your bills from { $operator } by e-mail.
paper = Go back to paper bills
eik = Company no. (EIK) { $eik }
questions = Questions: { $hotline }
