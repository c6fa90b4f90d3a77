# What is wrong with a run file: for each check what was found (where the value alone does not say it), what was
# expected, and what to do. The command line says the English ones.
finding-already-a-run-found = всички поръчки от пуск { $found }
finding-already-a-run-expected = поръчки, които не са в друг пуск
finding-already-a-run-remedy = продължете с онзи пуск, нищо не трябва да се внася отново
finding-amount-range-found = { $found } цента
finding-amount-range-expected = най-много { $expected } цента в двете посоки
finding-amount-range-remedy = поправете сумата
finding-character-expected = знаци, които шрифтовете на сметката имат
finding-character-remedy = изпишете го другояче или дайте на оформлението шрифт с този знак; на сметката на мястото му стои въпросителна
finding-choice-expected = едно от { $expected }
finding-choice-remedy = поправете как се изнася това поле
finding-consumption-remedy = потреблението е (ново − старо показание) × множител
finding-control-character-found = управляващ знак
finding-control-character-expected = текст, който може да се отпечата
finding-control-character-remedy = махнете знака
finding-control-count-found = поръчки: { $found }
finding-control-count-expected = поръчки: { $expected }
finding-control-count-remedy = файлът е отрязан или заглавният ред е грешен: изнесете го отново
finding-control-sum-found = { $found } цента
finding-control-sum-expected = { $expected } цента
finding-control-sum-remedy = файлът е отрязан или заглавният ред е грешен: изнесете го отново
finding-corrects-missing-found = нищо
finding-corrects-missing-expected = документът, който се поправя
finding-corrects-missing-remedy = посочете първоначалния документ
finding-corrects-nothing-found = поправян документ
finding-corrects-nothing-expected = никакъв при фактура
finding-corrects-nothing-remedy = махнете го или направете поръчката известие
finding-counting-number-expected = цяло число от 0 нагоре
finding-counting-number-remedy = поправете как се изнася това поле
finding-country-expected = код от ISO 3166-1 с две главни латински букви, например BG (BR-CL-14)
finding-country-remedy = поправете кода
finding-currency-remedy = издавайте сметките във валутата на дружеството
finding-customer-number-remedy = изпратете клиента на същия номер
finding-due-date-expected = не преди { $expected }
finding-due-date-remedy = поправете едната от датите
finding-duplicate-in-file-expected = само една такава поръчка в пуск
finding-duplicate-in-file-remedy = махнете едната или дайте на втората по-голяма версия
finding-eik-found = знаци: { $found }
finding-eik-expected = 9 или 13 цифри
finding-eik-remedy = изпратете ЕИК на фирма, никога ЕГН на човек
finding-eik-checksum-expected = вярна контролна цифра
finding-eik-checksum-remedy = проверете номера
finding-empty-file-found = нито един ред
finding-empty-file-expected = заглавен ред
finding-empty-file-remedy = изнесете пуска отново
finding-exemption-found = нищо
finding-exemption-expected = основанието
finding-exemption-remedy = изпратете защо не се начислява ДДС
finding-field-missing-found = нищо
finding-field-missing-expected = стойност, както показва `kvit schema`
finding-field-missing-remedy = изпратете полето
finding-field-unknown-found = непознато поле { $found }
finding-field-unknown-expected = едно от { $expected }
finding-field-unknown-remedy = поправете името или махнете полето
finding-format-expected = формат kvit-run 1
finding-format-remedy = изнесете във формат kvit-run, версия 1
finding-history-found = месеци: { $found }
finding-history-expected = най-много { $expected }
finding-history-remedy = изпратете този месец и дванайсетте преди него
finding-history-month-expected = първият ден на месец
finding-history-month-remedy = изпратете първия ден на месеца
finding-history-negative-expected = 0 или повече
finding-history-negative-remedy = поправете количеството
finding-history-order-expected = месец след { $expected }
finding-history-order-remedy = подредете месеците от най-стария, всеки по веднъж
finding-line-net-found = { $found } цента
finding-line-net-expected = { $expected } цента
finding-line-net-remedy = нетната сума е количество × цена ÷ база, закръглена до цент
finding-line-too-long-found = по-дълъг ред
finding-line-too-long-expected = най-много { $expected } байта
finding-line-too-long-remedy = по една поръчка на ред, без прикачени файлове
finding-malformed-expected = { $expected ->
    [number] номер на фактура
    [type] 380, 381, 383 или 384
    [date] дата
    [currency] код на валута
    [amount] сума с два знака след запетаята
    [vat] категория за ДДС
    [category] S, Z, E, AE или O
    [rate] ставка в проценти
    [corrected] поправяната фактура
    [digits] десет цифри
    [ground] основанието за поправката
    [buyer] получателят
    [buyer-name] името на получателя
    [buyer-id] означение на получателя с букви или цифри
    [seller] доставчикът
    [seller-name] името на доставчика
    [item] име на стоката или услугата
    [quantity] количество
    [unit] код на мерна единица
    [price] цена
    [breakdown] разбивка на ДДС
    [totals] общи суми
   *[other] { $expected }
  }
finding-malformed-remedy = допълнете или поправете фактурата
finding-missing-found = нищо
finding-missing-expected = { $expected ->
    [number] номер на фактура
    [type] 380, 381, 383 или 384
    [date] дата
    [currency] код на валута
    [amount] сума с два знака след запетаята
    [vat] категория за ДДС
    [category] S, Z, E, AE или O
    [rate] ставка в проценти
    [corrected] поправяната фактура
    [digits] десет цифри
    [ground] основанието за поправката
    [buyer] получателят
    [buyer-name] името на получателя
    [buyer-id] означение на получателя с букви или цифри
    [seller] доставчикът
    [seller-name] името на доставчика
    [item] име на стоката или услугата
    [quantity] количество
    [unit] код на мерна единица
    [price] цена
    [breakdown] разбивка на ДДС
    [totals] общи суми
   *[other] { $expected }
  }
finding-missing-remedy = допълнете или поправете фактурата
finding-name-found = знаци: { $found }
finding-name-expected = от 1 до 200 знака, без управляващи
finding-name-remedy = посочете системата за фактуриране и нейния пуск
finding-negative-price-expected = неотрицателна цена
finding-negative-price-remedy = направете количеството отрицателно вместо нея
finding-no-file-found = никакъв файл
finding-no-file-expected = файл с пуск или фактури по EN 16931
finding-no-file-remedy = изпратете правилния файл
finding-no-json-found = не е JSON (колона { $found })
finding-no-json-expected = по един обект JSON на ред
finding-no-json-remedy = изнесете реда отново
finding-no-lines-found = нито един ред
finding-no-lines-expected = поне един
finding-no-lines-remedy = изпратете за какво е сметката
finding-number-range-expected = най-много 10 знака след запетаята и 10^12
finding-number-range-remedy = закръглете или поправете числото
finding-original-missing-expected = номер на издадена сметка
finding-original-missing-remedy = поправете номера на първоначалния документ
finding-period-order-expected = `from` не е след `to`
finding-period-order-remedy = разменете или поправете двата дни
finding-price-base-expected = над 0
finding-price-base-remedy = изпратете за колко единици е цената
finding-reading-dates-expected = не преди { $expected }
finding-reading-dates-remedy = разменете или поправете показанията
finding-register-rollover-expected = поне { $expected }
finding-register-rollover-remedy = проверете дали броячът се е превъртял
finding-reverse-charge-found = клиент без идентификатор
finding-reverse-charge-expected = клиентът с номер по ДДС или ЕИК
finding-reverse-charge-remedy = изпратете и клиента или друга категория
finding-seen-before-expected = поръчка, която не е в друг пуск; има я в `{ $expected }`
finding-seen-before-remedy = махнете я; грешна сметка се поправя с кредитно или дебитно известие. Само нарочна втора сметка за същия период получава по-голяма версия
finding-seller-remedy = внасяйте само пускове на самото дружество или поправете настройките му
finding-sources-found = сбор { $found } %
finding-sources-expected = сбор 100 %
finding-sources-remedy = поправете процентите
finding-supply-point-expected = код от /supply_points
finding-supply-point-remedy = изпратете и мястото на потребление
finding-tax-event-date-expected = до пет години назад и една напред
finding-tax-event-date-remedy = проверете датата
finding-text-length-found = знаци: { $found }
finding-text-length-expected = от 1 до { $expected } знака
finding-text-length-remedy = скъсете текста
finding-text-missing-found = няма текст
finding-text-missing-expected = от 1 до { $expected } знака
finding-text-missing-remedy = попълнете текста
finding-to-pay-found = { $found } цента
finding-to-pay-expected = { $expected } цента
finding-to-pay-remedy = тя е общата сума − платеното предварително + закръглянето + пренесеното; при кредитно известие общата сума се брои отрицателна
finding-too-many-lines-expected = най-много { $expected }
finding-too-many-lines-remedy = разделете поръчката или обединете редове
finding-total-gross-found = { $found } цента
finding-total-gross-expected = { $expected } цента
finding-total-gross-remedy = поправете една от трите: общата сума е нетната + ДДС
finding-total-net-found = { $found } цента
finding-total-net-expected = { $expected } цента
finding-total-net-remedy = поправете нея или редовете: тя е техният сбор
finding-total-vat-found = { $found } цента
finding-total-vat-expected = { $expected } цента
finding-total-vat-remedy = поправете нея или записите за ДДС: тя е сборът на техните суми
finding-unit-expected = код от Препоръка 20 на ИКЕ на ООН, например KWH, MTQ, DAY или C62 (BR-CL-23)
finding-unit-remedy = изпратете кода, а не името на мерната единица
finding-unknown-customer-found = нищо, а { $found } не е познат номер
finding-unknown-customer-expected = познат клиентски номер или данните на клиента
finding-unknown-customer-remedy = изпратете клиента с първата поръчка за номера
finding-unknown-format-found = непознат формат
finding-unknown-format-expected = файл с пуск на Kvit (NDJSON) или фактура по EN 16931 в UBL 2.1 или CII
finding-unknown-format-remedy = изпратете правилния файл
finding-unreadable-found = не се чете ({ $found })
finding-unreadable-expected = файл, който се чете
finding-unreadable-remedy = изпратете файла отново
finding-utf-8-found = байт в друга кодировка (байт { $found } на реда)
finding-utf-8-expected = кодировка UTF-8
finding-utf-8-remedy = изнесете в UTF-8
finding-value-expected = стойност, допустима за полето ({ $expected })
finding-value-remedy = поправете как се изнася това поле
finding-vat-amount-found = { $found } цента
finding-vat-amount-expected = { $expected } цента
finding-vat-amount-remedy = сумата е основа × ставка, закръглена до цент
finding-vat-base-found = { $found } цента
finding-vat-base-expected = { $expected } цента
finding-vat-base-remedy = основата е сборът на редовете с тази категория и ставка
finding-vat-missing-found = няма запис
finding-vat-missing-expected = запис: { $expected } цента
finding-vat-missing-remedy = изпратете запис за всяка категория и ставка
finding-vat-number-expected = двете главни латински букви на държавата (EL за Гърция), после номерът (BR-CO-09)
finding-vat-number-remedy = изпратете номера по ДДС с държавата му, например BG
finding-vat-out-of-scope-found = O заедно с други категории
finding-vat-out-of-scope-expected = O самостоятелно
finding-vat-out-of-scope-remedy = изпратете го като освободено (E) с основанието му или в отделна поръчка
finding-vat-rate-expected = ставка, която подхожда на категория { $expected }
finding-vat-rate-remedy = S има ставка над 0, останалите имат 0
finding-vat-unused-expected = категория и ставка на някой ред, веднъж
finding-vat-unused-remedy = изпратете по един запис за всяка категория и ставка от редовете
finding-version-expected = от 1 нагоре
finding-version-remedy = бройте версиите от 1
finding-whole-number-expected = цяло число
finding-whole-number-remedy = поправете как се изнася това поле
finding-xml-found = XML, който не се чете ({ $found })
finding-xml-expected = фактура по EN 16931 в UBL 2.1 или CII D16B
finding-xml-remedy = изпратете правилния файл
finding-xml-attributes-found = елемент с над { $found } атрибута
finding-xml-attributes-expected = фактура по EN 16931 в UBL 2.1 или CII D16B
finding-xml-attributes-remedy = изпратете правилния файл
finding-xml-bytes-found = { $found } байта
finding-xml-bytes-expected = най-много { $expected } байта
finding-xml-bytes-remedy = изпратете правилния файл
finding-xml-name-spaces-found = над { $found } обявени пространства от имена
finding-xml-name-spaces-expected = всички в кореновия елемент
finding-xml-name-spaces-remedy = изпратете правилния файл
finding-xml-root-found = елемент { $found }
finding-xml-root-expected = фактура по EN 16931 в UBL 2.1 или CII D16B
finding-xml-root-remedy = изпратете правилния файл
finding-xml-utf-8-found = байт, който не е UTF-8, на място { $found }
finding-xml-utf-8-expected = фактура по EN 16931 в UBL 2.1 или CII D16B
finding-xml-utf-8-remedy = изпратете правилния файл

# Какво не е наред с банково извлечение, на същите части, и къде.
finding-place-file = файлът
finding-place-statement = извлечение { $which }
finding-place-entry = запис { $which }
finding-place-report = отчет { $which }
finding-place-part = част от файла
finding-place-transaction = нареждане { $which }
finding-account-missing-found = няма номер на сметка (Acct/Id/IBAN)
finding-account-missing-expected = сметка на дружеството: { $expected }
finding-account-missing-remedy = изберете правилния файл; другите сметки на дружеството се изброяват в [pay] accounts на kvit.toml
finding-account-other-found = сметка { $found }
finding-account-other-expected = сметка на дружеството: { $expected }
finding-account-other-remedy = изберете правилния файл; другите сметки на дружеството се изброяват в [pay] accounts на kvit.toml
finding-balance-currency-found = салдо в { $found }
finding-balance-currency-expected = салдо в { $expected }
finding-balance-currency-remedy = четат се само сметки във валутата на дружеството
finding-balance-incomplete-found = салдо без сума (Amt) или без посока (CdtDbtInd)
finding-balance-incomplete-expected = и двете
finding-balance-incomplete-remedy = изтеглете файла отново; ако грешката остане, питайте банката
finding-balances-missing-found = няма начално (OPBD) или крайно (CLBD) салдо
finding-balances-missing-expected = и двете, за да не се пропусне запис
finding-balances-missing-remedy = изтеглете цялото извлечение, а не част от него
finding-booked-on-found = ден на осчетоводяване (BookgDt) „{ $found }“
finding-booked-on-expected = ден като 2026-11-27
finding-booked-on-remedy = изтеглете файла отново; ако грешката остане, питайте банката
finding-booked-on-missing-found = няма ден на осчетоводяване (BookgDt)
finding-booked-on-missing-expected = ден като 2026-11-27
finding-booked-on-missing-remedy = изтеглете файла отново; ако грешката остане, питайте банката
finding-cut-off-found = край на файла по средата на елемент
finding-cut-off-expected = цял файл
finding-cut-off-remedy = изтеглете файла отново; ако грешката остане, питайте банката
finding-direction-found = посока (CdtDbtInd) „{ $found }“
finding-direction-expected = CRDT или DBIT
finding-direction-remedy = изтеглете файла отново; ако грешката остане, питайте банката
finding-direction-missing-found = няма посока (CdtDbtInd)
finding-direction-missing-expected = CRDT или DBIT
finding-direction-missing-remedy = изтеглете файла отново; ако грешката остане, питайте банката
finding-document-other-found = документ „{ $found }“
finding-document-other-expected = банково извлечение: camt.053.001 или camt.054.001, версия от 02 до 13, или отчет за директни дебити: pain.002.001
finding-document-other-remedy = изберете правилния файл или поискайте от банката извлечения като camt.053
finding-document-second-found = втори документ след първия
finding-document-second-expected = един документ
finding-document-second-remedy = изтеглете файла отново; ако грешката остане, питайте банката
finding-document-type-found = описание на вида документ (DOCTYPE)
finding-document-type-expected = никакво
finding-document-type-remedy = изтеглете файла отново; ако грешката остане, питайте банката
finding-encoding-found = текст в { $found }
finding-encoding-expected = текст в UTF-8
finding-encoding-remedy = поискайте от банката файла в UTF-8
finding-end-tag-found = край на „{ $found }“
finding-end-tag-expected = край на „{ $expected }“
finding-end-tag-remedy = изтеглете файла отново; ако грешката остане, питайте банката
finding-entity-found = собствено съкращение (entity)
finding-entity-expected = обикновен текст
finding-entity-remedy = изтеглете файла отново; ако грешката остане, питайте банката
finding-entries-sum-found = записи със сбор { $found }
finding-entries-sum-expected = { $expected } според салдата
finding-entries-sum-remedy = липсва запис или някой е променен: изтеглете отново цялото извлечение
finding-entry-amount-found = сума (Amt) „{ $found }“
finding-entry-amount-expected = сума като 22.80
finding-entry-amount-remedy = изтеглете файла отново; ако грешката остане, питайте банката
finding-entry-amount-missing-found = няма сума (Amt)
finding-entry-amount-missing-expected = сума като 22.80
finding-entry-amount-missing-remedy = изтеглете файла отново; ако грешката остане, питайте банката
finding-entry-currency-found = сума в { $found }
finding-entry-currency-expected = сума в { $expected }
finding-entry-currency-remedy = четат се само сметки във валутата на дружеството
finding-entry-currency-code-found = валута (Amt Ccy) „{ $found }“
finding-entry-currency-code-expected = код на валута от три букви, например EUR
finding-entry-currency-code-remedy = изтеглете файла отново; ако грешката остане, питайте банката
finding-entry-currency-missing-found = няма валута (Amt Ccy)
finding-entry-currency-missing-expected = код на валута от три букви, например EUR
finding-entry-currency-missing-remedy = изтеглете файла отново; ако грешката остане, питайте банката
finding-entry-reference-found = няма номер, даден от банката (AcctSvcrRef)
finding-entry-reference-expected = номер, по който преводът се познава, ако го има и в друго извлечение
finding-entry-reference-remedy = поискайте от банката да пише номерата си в извлеченията
finding-entry-reversal-found = обратна операция (RvslInd) „{ $found }“
finding-entry-reversal-expected = true или false
finding-entry-reversal-remedy = изтеглете файла отново; ако грешката остане, питайте банката
finding-entry-status-found = няма състояние (Sts)
finding-entry-status-expected = BOOK или друго състояние
finding-entry-status-remedy = изтеглете файла отново; ако грешката остане, питайте банката
finding-entry-transactions-found = над { $expected } превода в един запис
finding-entry-transactions-expected = най-много { $expected }
finding-entry-transactions-remedy = поискайте от банката по-малки записи
finding-ill-formed-found = неправилен XML
finding-ill-formed-expected = правилен XML в UTF-8
finding-ill-formed-remedy = изтеглете файла отново; ако грешката остане, питайте банката
finding-message-other-found = съобщение { $found }
finding-message-other-expected = банково извлечение: camt.053.001 или camt.054.001, версия от 02 до 13, или отчет за директни дебити: pain.002.001
finding-message-other-remedy = изберете правилния файл или поискайте от банката извлечения като camt.053
finding-nesting-found = над { $expected } елемента един в друг
finding-nesting-expected = най-много { $expected }
finding-nesting-remedy = изтеглете файла отново; ако грешката остане, питайте банката
finding-no-statement-found = няма извлечение
finding-no-statement-expected = поне едно
finding-no-statement-remedy = изберете правилния файл или поискайте от банката извлечения като camt.053
finding-not-utf-8-found = байт, който не е UTF-8
finding-not-utf-8-expected = текст в UTF-8
finding-not-utf-8-remedy = изтеглете файла отново; ако грешката остане, питайте банката
finding-not-xml-found = не е XML
finding-not-xml-expected = банково извлечение: camt.053.001 или camt.054.001, версия от 02 до 13, или отчет за директни дебити: pain.002.001
finding-not-xml-remedy = изберете правилния файл или поискайте от банката извлечения като camt.053
finding-report-day-found = няма ден (CreDtTm)
finding-report-day-expected = денят на отчета
finding-report-day-remedy = изтеглете файла отново; ако грешката остане, питайте банката
finding-report-debit-found = няма наше име (OrgnlEndToEndId)
finding-report-debit-expected = името, което файлът му е дал, например KVIT-DEBIT-7
finding-report-debit-remedy = четат се само отчети за директни дебити: прегледайте този ръчно
finding-report-file-found = съобщението „{ $found }“
finding-report-file-expected = файл с директни дебити, например KVIT-DEBITS-3
finding-report-file-remedy = четат се само отчети за директни дебити: прегледайте този ръчно
finding-report-file-missing-found = няма име на файла, за който е отчетът (OrgnlMsgId)
finding-report-file-missing-expected = файл с директни дебити, например KVIT-DEBITS-3
finding-report-file-missing-remedy = четат се само отчети за директни дебити: прегледайте този ръчно
finding-report-name-found = няма име (MsgId)
finding-report-name-expected = името, което му дава банката
finding-report-name-remedy = изтеглете файла отново; ако грешката остане, питайте банката
finding-report-part-found = няма наше име (OrgnlPmtInfId)
finding-report-part-expected = името, което файлът ѝ е дал, например KVIT-DEBITS-3-2
finding-report-part-remedy = четат се само отчети за директни дебити: прегледайте този ръчно
finding-report-status-found = никакво състояние (GrpSts, PmtInfSts, TxSts)
finding-report-status-expected = поне едно
finding-report-status-remedy = изтеглете файла отново; ако грешката остане, питайте банката
finding-statement-name-found = няма име (Id)
finding-statement-name-expected = името, което му дава банката
finding-statement-name-remedy = изтеглете файла отново; ако грешката остане, питайте банката
finding-text-outside-found = текст извън документа
finding-text-outside-expected = само документът
finding-text-outside-remedy = изтеглете файла отново; ако грешката остане, питайте банката
finding-token-length-found = етикет или текст над { $expected } байта
finding-token-length-expected = най-много { $expected } байта
finding-token-length-remedy = изтеглете файла отново; ако грешката остане, питайте банката

# What `kvit doctor` finds.
doctor-settings = { $file } се чете
doctor-settings-made-up = { $file } се чете; дружеството в него още е измислено
doctor-secrets = чете ги само собственикът им
doctor-secrets-open = тайното се чете и от други освен собственика: chmod go= { $places }
doctor-writable = в { $place } може да се пише
doctor-store = отговаря
doctor-store-open-line = отговаря от друга машина, чийто сертификат никой не проверява: завършете адреса ѝ с ?sslmode=verify-full
doctor-key = чете се
doctor-archive = папката е на мястото си
doctor-seal = ключът и сертификатът са от една двойка
doctor-roots = { $count ->
    [one] 1 сертификат
   *[other] { $count } сертификата
 }
doctor-layout-builtin = сметките се оформят от вграденото
doctor-layout = сметките се оформят от версия { $no }
doctor-layout-unbrought = сметките се издават с вграденото оформление; { $count ->
    [one] 1 Ваш файл
   *[other] { $count } Ваши файла
 } в { $folder } ще важат, щом стане текуща тяхна версия: `kvit layout bring --as ИМЕ`, после `kvit layout use 1 --as ИМЕ` от втори човек
doctor-mails = могат да се съставят
doctor-mails-left-out = версия { $no } на текстовете не се казва цяла: { $name } ({ $fault })
doctor-mail-settings = съгласувани са
doctor-portal = могат да се съставят
doctor-sign-in = доставчикът на самоличност има ключове
doctor-no-centre = служители без център за клиенти: { $logins }. Те не могат да разпознават клиенти: администратор въвежда центъра в „Профили на служителите“ (/staff/people) или [staff.oidc] centre_claim посочва полето на доставчика, в което е той
doctor-centre-claim = [staff.oidc] centre_claim е празно: нов служител в център идва без център и не може да разпознава клиенти, докато администратор не го въведе в „Профили на служителите“ (/staff/people). Посочете полето на доставчика, в което е центърът, например centre_claim = "centre"
doctor-no-alarm = никой администратор няма имейл адрес, затова писмо, че се налучкват кодове, не би стигнало до никого: администратор въвежда адрес в „Профили на служителите“ (/staff/people)
doctor-no-administrator = няма администратор, затова писмо, че се налучкват кодове, не би стигнало до никого: kvit staff add ПОТРЕБИТЕЛ --role administrator --email АДРЕС
doctor-guessed = налучквани са от много места, затова опитите бяха забавени до { $until }: спрете източниците в прокси сървъра; журналът ги посочва с псевдоним (`a number and code did not match`)
doctor-autopay = сметките се събират от { $creditor } по { $iban }
doctor-autopay-waits = { $people ->
    [one] 1 дебит чака
   *[other] { $people } дебита чакат
 } решение на човек, { $soon ->
    [one] 1 дебит трябва
   *[other] { $soon } дебита трябва
 } да влязат във файл до утре: `kvit pay debits`
doctor-mail-server = { $place } отговаря
doctor-systems-none = не е настроена платежна система; сметките се плащат с банков превод
doctor-system-broken = { $system }: не може да се използва
doctor-system-silent = { $name } не отговаря от { $since }: не се предлага на клиентите и ще се върне сама; вижте дали тази машина я достига, после питайте поддръжката ѝ
doctor-refunds-unclear = никой не знае дали парите по { $count ->
    [one] 1 връщане
   *[other] { $count } връщания
 } са върнати: трети човек гледа страниците на платежната система и казва какво е видял на /staff/refunds или с `kvit pay refunds found`
doctor-system = { $system }: ключовете стават{ $ends ->
    [none] { "" }
   *[other] , първият от сертификатите ѝ изтича на { $ends }
 }{ $url ->
    [none] { "" }
   *[other] , { $url } отговаря
 }
doctor-system-trial = { $system }: изпробва се и не се предлага на клиентите
doctor-system-trial-offered = { $system }: каквото тази изпитателна система нарече платено, се води за пари на клиенти (offer_test = true): пазете до нея да не стигат клиенти
doctor-system-form = { $table } { $key }: `{ $value }` не е { $form ->
    [min] число (MIN)
    [trial-min] число или D и число (MIN)
    [eight-digits] число до 8 цифри
    [eight] от 8 знака
    [ten] от 10 до 15 знака
   *[number] число
 }: сравнете с договора
doctor-system-secret = { $table } secret_file: тайната има { $count ->
    [one] 1 знак
   *[other] { $count } знака
 }, а тези на ePay имат { $expected }: препишете я цялата в { $file }
doctor-system-is-trial = mode = "{ $mode }", а { $url } прилича на изпитателна система: пари няма да се преведат; впишете истинския адрес като url в { $table }
doctor-system-is-live = mode = "{ $mode }", а { $url } прилича на истинската система: ще се преведат истински пари; впишете изпитателния адрес като url в { $table }
doctor-certificates = първият изтича на { $end }
doctor-certificates-none = няма такива
doctor-certificate = { $what ->
    [seal] сертификатът на печата
    [chain] сертификат от веригата на печата
    [root] сертификат в [seal] trust_roots
    [mail] сертификат в [mail] roots_file
   *[payments] сертификатът на { $name }
 } ({ $subject }) { $over ->
    [yes] е изтекъл на { $end }
   *[no] изтича на { $end }, { $count ->
        [0] днес
        [one] след 1 ден
       *[other] след { $count } дни
    }
 }: { $what ->
    [seal] поръчайте нов и сложете неговия файл PKCS#12 там, където казва [seal] file
    [chain] поискайте от доставчика нов печат с веригата му
    [root] запазете го за сметките, за които свидетелства, и добавете новия
    [mail] поискайте новия от този, който поддържа пощенския сървър
   *[payments] поискайте новия от платежната система и го сложете там, където казва their_key_file
 }
doctor-statements-broken = запазеното от { $count ->
    [one] 1 банково извлечение
   *[other] { $count } банкови извлечения
 } прекъсва и не е изцяло в книгите: внесете същия файл отново; журналът го назовава
finding-another-holder-found = друга фирма на партида { $found }
finding-another-holder-expected = същата фирма или „holder_since“
finding-another-holder-remedy = нищо, ако партидата е на друга фирма: съгласието и кодът на предишната приключват, а новата дава свое
finding-closed-and-taken-over-found = закриване и нов титуляр на партида { $found } в един пуск
finding-closed-and-taken-over-expected = последната сметка на предишния титуляр в по-ранен пуск
finding-closed-and-taken-over-remedy = първо издайте пуска със „closed_on“, за да отиде последната сметка където трябва
finding-closed-on-expected = не преди { $expected }
finding-closed-on-remedy = поправете деня или периода
finding-holder-since-expected = не след { $expected }
finding-holder-since-remedy = фактурирайте предишния титуляр без „holder_since“
finding-holder-unclear-found = друго име или друг ЕИК на партида { $found }
finding-holder-unclear-expected = същият титуляр или „holder_since“
finding-holder-unclear-remedy = ако партидата е на друг титуляр, пратете пуска със „holder_since“ или го отбележете в конзолата; иначе сметките му отиват на адреса на предишния
doctor-pale-primary = `brand.primary` е { $colour }: в сметката белият текст върху него и текстът с този цвят имат контраст { $ratio }:1, а WCAG 1.4.3 иска 4.5:1. Изберете по-тъмен, например { $better }; страниците го потъмняват сами
doctor-pale-accent = `brand.accent` е { $colour }: в сметката тъмният текст върху него има контраст { $ratio }:1, а WCAG 1.4.3 иска 4.5:1. Изберете по-светъл, например { $better }
doctor-without-form = { $count ->
    [one] 1 сметка от пуск { $run } е оформена отделно, което отнема стотина пъти повече време, отколкото по готова форма:
   *[other] { $count } сметки от пуск { $run } са оформени една по една, което отнема стотина пъти повече време, отколкото по готови форми:
}

# Защо вид сметки няма готова форма: какво пречи и какво да се направи.
formless-page = страница { $page }
formless-short = Една по една се оформят само сметките с по-дълги текстове, отколкото има място.
formless-no-alphabet = страниците не рисуват азбуката
formless-no-alphabet-remedy = напишете `background: alphabet` в `#set page(..)`; `alphabet` идва от prelude.typ
formless-alphabet = азбуката не е нарисувана така, както я рисува prelude.typ, или в шрифт липсва част от нея: { $shown }
formless-alphabet-remedy = вземете `alphabet` от prelude.typ без промяна (`kvit layout export` го записва наново) и шрифтове, които имат всичките ѝ букви
formless-too-many = в сметката има повече от 999 отделни данни
formless-too-many-remedy = в оформлението нищо не помага: сметките с толкова много редове винаги се оформят една по една
formless-pages = броят на страниците зависи от дължината на текстовете
formless-pages-remedy = дайте на всеки текст свой ред, дълъг колкото най-дългия, който трябва да е бърз, и нека редовете решават къде свършва страницата
formless-wraps = текст се пренася или изчезва, когато е по-дълъг
formless-wraps-remedy = сложете го в `slot(..)` на свой ред, дълъг колкото най-дългия, който трябва да е бърз
formless-moves = мястото на „{ $shown }“ зависи не само от собствената му ширина
formless-moves-remedy = дайте на колоната му своя ширина вместо `auto`, не слагайте пред него на реда нищо променливо и го закрепете за левия му край, за средата или за десния му край
formless-altered = „{ $shown }“ идва от данните, но не е самите данни
formless-altered-remedy = отпечатайте самото поле: без `upper`, `slice`, `replace` и без да вземате част от него
formless-drawing = рисунка зависи от данните, но не по права линия
formless-drawing-remedy = нека следва едно `share`, `from` или `to` по права линия, а това около нея да има свой размер
formless-tags = дали има заглавия, таблици, редове или рисунки, зависи от съдържанието на текст
formless-tags-remedy = нека `kind`, `state`, редовете и липсващите полета решават какво има, а не текст
formless-told = думите под /{ $shown }, които се чуват и намират, не са самите данни
formless-told-remedy = слагайте полетата в заглавия и в `alt` без промяна, например чрез `put(..)`
formless-asks = оформлението гледа какво казва текст, затова сметка може да изглежда различно от готовата си форма
formless-asks-remedy = нека `kind`, `state`, броят на редовете и полетата, които са `none`, решават как изглежда, а не текст
formless-fails = оформлението не успява с други текстове от същия вид: { $shown }
formless-fails-remedy = не смятайте с текст от данните; каквото може да се брои, е дадено като число
formless-letters = „{ $shown }“ не е сред буквите на готовите форми с тази дебелина
formless-letters-remedy = печатайте данните с обикновена дебелина; редките букви са бавни във всяко оформление
formless-long = текст е по-дълъг от всички, за които е проверено, че се събират
formless-long-remedy = дайте му по-дълъг ред; много дългите имена са бавни във всяко оформление
formless-empty = нещо нарисувано няма размер в тази сметка
formless-empty-remedy = дайте му най-малък размер, например `0.3mm + share * height`
formless-engine = страниците не са построени така, както искат готовите форми: { $shown }
formless-engine-remedy = съобщете за това заедно с оформлението
