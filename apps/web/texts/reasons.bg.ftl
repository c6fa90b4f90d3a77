# Какво не работи (`fails`), защо (`cause`) и какво не е наред с настройка (`setting`) или оформление (`layout`); всяко може да има съвет.
fails-archive-closed = архивът не може да се отвори
fails-archive-folder = папката на архива { $folder } не може да се създаде
fails-builtin-layout = вграденото оформление не работи
fails-file-unread = { $what ->
    [seal] печатът не се чете
    [roots] доверените сертификати не се четат
    [mail-roots] сертификатите на пощенския сървър не се четат
    [own-key] ключът за платежна система не се чете
    [their-key] ключът на платежна система не се чете
   *[logo] логото не се чете
 } от { $path }
fails-files-unread = файловете в { $folder } не могат да се прочетат
fails-first-number = [issue] first_number има повече от десет цифри или е 0
fails-folder-unknown = не се знае коя е текущата папка
fails-import-stopped = внасянето спря
fails-instance-key = { $path } не е ключ на услугата
fails-instance-key-remedy = възстановете го от резервното копие: от него зависят кодовете и връзките в сметките
fails-instance-none = в { $folder } няма услуга на Kvit
fails-instance-none-remedy = посочете папката ѝ с --dir или направете нова с `kvit init --dir ПАПКА`
fails-layout = оформление { $no } не работи
fails-layout-remedy = с `kvit layout use 0 --as ИМЕ` новите пускове се издават с вграденото оформление
fails-layout-unknown = няма оформление { $no }
fails-layout-unknown-remedy = `kvit layout list` изброява наличните
fails-layout-unread = оформлението не може да се прочете
fails-layout-untried = оформлението не може да се изпробва
fails-lock = { $path } не може да се създаде
fails-mail-server-silent = { $place } не отговаря
fails-mail-server-silent-remedy = проверете дали пощенският сървър работи и дали [mail] host и port са верни
fails-mails = имейлите не могат да се съставят
fails-named-often = този файл вече е внасян 999 пъти
fails-no-bill = по името си не е сметка: { $name }{ $count ->
    [0] { "" }
   *[other] { " " }и още { $count }
 }
fails-no-bill-remedy = дайте на сметките окончание .xml или .ndjson, а другите файлове махнете
fails-not-text = { $path } не е текст в UTF-8
fails-not-writable = в { $place } не може да се пише
fails-not-writable-remedy = { $why ->
    [full] освободете място или го преместете на по-голям диск; `df -h { $shell }` показва колко е останало
    [read-only] дискът му е само за четене: `findmnt -T { $shell }` го назовава; преди да разрешите отново писане, потърсете в `dmesg` грешки на диска
    [denied] дайте го на потребителя, с който работи Kvit: `sudo chown -R ПОТРЕБИТЕЛ { $shell }`
   *[other] вижте го с `ls -ld { $shell }` и `df -h { $shell }`
 }
fails-oidc = доставчикът на самоличност не може да се използва
fails-oidc-remedy = сравнете [staff.oidc] issuer с това, което казва неговият /.well-known/openid-configuration; докато проработи, служителите влизат с local_accounts = true
fails-other = не работи
fails-people-unread = не може да се прочете какво чака служител
fails-portal = порталът не може да се отвори
fails-run = пускът не може да се внесе
fails-run-name = пускът не може да получи име
fails-seal = печатът не може да се използва
fails-secret-empty = [pay.providers.{ $name }] не работи: { $path } е празен
fails-secret-shared = [pay.providers.{ $name }] и [pay.providers.{ $other }] имат един и същ търговец и една и съща тайна: платеното при едната може да се съобщи пак като платено при другата
fails-secret-shared-remedy = поискайте отделна тайна за всяка
fails-secret-unread = { $what ->
    [instance-key] ключът на услугата
    [seal-password] паролата на печата
    [database] адресът на базата данни
    [mail-password] паролата за пощата
    [client-secret] тайната за доставчика на самоличност
   *[system-secret] тайната на платежната система
 } в { $path } не може да се прочете
fails-setting = { $key } не работи
fails-settings = { $path } не може да работи:
fails-statement = извлечението не е изцяло в книгите
fails-statement-remedy = качете го отново, брои се веднъж
fails-store = базата данни не изпълни поисканото
fails-store-closed = базата данни не може да се отвори
fails-store-closed-remedy = `kvit doctor` преглежда всяка част на услугата
fails-store-missing = базата данни { $file } я няма
fails-store-missing-remedy = възстановете я от резервното копие; за нова, празна база направете празен файл с това име
fails-system = [pay.providers.{ $name }] не работи
fails-system-key = [pay.providers.{ $name }] не работи: { $path }
fails-system-unreached = { $system }: { $url } не отговаря
fails-system-unreached-remedy = вижте дали тази машина я достига, после питайте поддръжката ѝ
fails-systems-unread = не може да се прочете какво се знае за платежните системи
fails-too-deep = { $name } е на повече от { $max } папки дълбочина
fails-too-many-files = във файла има повече от { $max } файла
fails-too-many-files-remedy = предавайте по-малко наведнъж или увеличете [import] files_max
fails-trust-roots = в { $path } няма доверени сертификати
fails-unread = { $name } не може да се прочете
fails-zip-files = { $name }: в този ZIP има { $found } файла, а може да има { $max }
fails-zip-files-remedy = слагайте по-малко файлове в един ZIP или увеличете [import] files_max
fails-zip-list = { $name }: списъкът с файлове в този ZIP е по-голям, отколкото е нужно за { $max }
fails-zip-list-remedy = слагайте по-малко файлове в един ZIP или увеличете [import] files_max

cause-archive-folder = папката { $folder } не може да се използва
cause-archive-objects = в { $folder } не могат да се пазят пакети
cause-bill-data = данните на сметката не могат да се запишат за оформлението
cause-bill-time = моментът на издаване на сметката е извън годините от 0 до 9999
cause-bill-twin = сметката няма валидно копие по EN 16931
cause-broken-off = прекъсва по средата
cause-certificate = сертификатът на отсрещната страна не се приема
cause-certificate-remedy = вижте дали не е изтекъл, дали не е за друго име и дали тази машина познава издателя му
cause-certificate-dates = датите на сертификата не могат да се прочетат
cause-certificate-unread = сертификатът не може да се прочете
cause-code-long = квадратен код не може да се нарисува: текстът му е твърде дълъг
cause-colour = `{ $value }` не е цвят
cause-colour-remedy = напишете го като #rrggbb, например #14532d
cause-cut = отговорът е твърде дълъг или прекъсна
cause-database = базата данни отказа
cause-database-closed = базата данни { $place } не може да се отвори
cause-database-closed-remedy = вижте дали я има и дали пуска този потребител
cause-database-corrupt = в базата данни има неправилна стойност на { $what }: `{ $value }`
cause-database-corrupt-remedy = възстановете я от резервно копие
cause-database-schema = таблиците в базата данни не могат да се обновят
cause-database-url = `{ $url }` не е адрес на база данни като sqlite://kvit.db или postgres://user@host/kvit
cause-denied = достъпът е отказан
cause-died = част от програмата спря поради собствена грешка
cause-died-remedy = съобщете за нея и приложете журнала
cause-engine = оформящата програма се провали с тази сметка
cause-engine-remedy = съобщете за това и приложете оформлението
cause-exists = вече има файл с това име
cause-export = в изнесения PDF няма място за копието по EN 16931 и за подписа
cause-full = дискът е пълен
cause-hex = не са 64 шестнайсетични цифри
cause-in-use = адресът вече е зает
cause-is-folder = това е папка
cause-kept-breaks-off = запазеното от него прекъсва
cause-kept-breaks-off-remedy = внесете същия файл отново
cause-key-algorithm = частният ключ не е нито RSA от 2048 до 4096 бита, нито ECDSA с P-256, или е повреден
cause-key-certificate = сертификат във файла не може да се прочете
cause-key-foreign = нито един сертификат във файла не е за частния му ключ
cause-key-foreign-remedy = изнесете двете заедно
cause-key-format = това не е файл PKCS#12, който Kvit може да прочете
cause-key-format-remedy = изнесете ключа отново, например с `openssl pkcs12 -export`
cause-key-none = във файла няма частен ключ
cause-key-none-remedy = изнесете сертификата заедно с ключа му
cause-key-not-for-seals = сертификатът на { $subject } не може да подписва документи: предназначението на ключа му не включва нито цифров подпис (digitalSignature), нито неотменимост (contentCommitment), или е на издател
cause-key-not-for-seals-remedy = поискайте сертификат за печат
cause-key-password = паролата не отваря файла с ключа
cause-key-password-remedy = проверете нея и дали файлът не е повреден
cause-key-several = във файла има няколко частни ключа
cause-key-several-remedy = изнесете в отделен файл този, който подпечатва
cause-logo = логото не е изображение SVG в UTF-8
cause-logo-remedy = запазете го като обикновен SVG
cause-mail-address = адресът на подателя не може да се използва
cause-mail-host = `{ $host }` не е име на машина
cause-mail-login = за вход в пощата са нужни потребител и парола, както и криптирана връзка или същата машина
cause-mail-open = некриптирана поща към `{ $host }` не е разрешена
cause-mail-open-remedy = използвайте TLS или я разрешете в настройките
cause-mail-roots = допълнителните сертификати не са в PEM
cause-mail-setting = `{ $value }` не може да се използва в имейлите
cause-mail-template = шаблонът за имейли `{ $name }` не работи
cause-mail-texts = текстовете за имейли `{ $name }` са грешни
cause-mail-unknown = `{ $name }` не е нито шаблон, нито текст за имейли
cause-name-unknown = няма машина с това име
cause-name-unknown-remedy = сверете името и вижте дали тази машина може да търси имена
cause-no-address = това не е адрес
cause-not-folder = вместо папка има файл
cause-not-found = няма такъв файл или папка
cause-not-text = не е текст в UTF-8
cause-oidc-flow = { $issuer } не предлага вход с код за оторизация (authorization code)
cause-oidc-issuer = { $url } говори от името на { $told }, а не на { $issuer }
cause-oidc-keys = в { $url } няма ключ за подписване
cause-oidc-none = { $url } не говори OpenID Connect
cause-oidc-unfetched = { $url } не може да се изтегли
cause-open-line = от тази машина се излиза само по https
cause-page-file-unknown = `{ $name }` не замества нищо: собствените файлове се казват като тези на портала (home.html, app.css, bg.ftl, ...)
cause-page-template = шаблонът `{ $name }` е грешен
cause-page-texts = файлът с текстове `{ $name }` е грешен
cause-public-url = `{ $url }` не е публичен адрес като https://bills.example.bg
cause-quota = квотата на потребителя за диска е изчерпана
cause-read-only = дискът е само за четене
cause-record-unwritten = запис не може да се направи
cause-refused = връзката е отказана
cause-report-unwritten = отчетът не може да се запише
cause-reset = връзката беше прекъсната
cause-root-unread = доверен сертификат номер { $no } не може да се прочете
cause-roots-empty = във файла няма сертификат
cause-roots-empty-remedy = очаква се част, която започва с BEGIN CERTIFICATE
cause-roots-pem = файлът не е в PEM
cause-roots-pem-remedy = всеки сертификат е между редове BEGIN и END
cause-rsa-missing = в него няма { $what ->
    [private] частен ключ
   *[public] сертификат или публичен ключ
 }
cause-rsa-missing-remedy = запишете го в PEM, частния ключ некриптиран (`openssl pkey -in OLD -out NEW` маха паролата му)
cause-rsa-unfit = { $what ->
    [private] частният ключ
   *[public] сертификатът или публичният ключ
 } не е RSA от 2048 до 8192 бита
cause-run-unkept = пускът не можа да се запази
cause-seal-certificate = сертификатът на печата не може да се прочете
cause-slow = отне твърде дълго
cause-statement-unbooked = извлечението не може да се осчетоводи
cause-statement-unread = извлечението не може да се прочете
cause-status = отговорът е със състояние { $status }
cause-tls = не може да се установи TLS
cause-too-large = файлът е твърде голям
cause-too-large-remedy = поискайте от банката извлечение за всеки ден
cause-unreachable = машината или мрежата ѝ не е достъпна

setting-account-iban = `{ $value }` не е IBAN
setting-account-iban-remedy = напишете IBAN като BG80 BNBG 9661 1020 3456 78
setting-address = адресът не е цял
setting-address-remedy = посочете поне града и двете главни букви на държавата, например BG
setting-bank-name = така се казват банковите преводи
setting-bank-name-remedy = изберете друго име
setting-bic = `{ $value }` не е BIC от 8 или 11 знака
setting-bic-remedy = препишете го от банката или го оставете празно
setting-bytes = ограничение 0
setting-bytes-remedy = напишете брой байтове
setting-colour = `{ $value }` не е цвят
setting-colour-remedy = напишете го като #rrggbb, например #14532d
setting-creditor = `{ $value }` не е идентификатор на кредитор: контролните му цифри не излизат
setting-creditor-remedy = препишете го от писмото, с което е даден, или напишете on = false
setting-creditor-missing = нужно е за автоматичното плащане
setting-creditor-missing-remedy = препишете го от писмото, с което е даден, или напишете on = false
setting-database = не е адрес на база данни
setting-database-remedy = напишете sqlite://kvit.db или postgres://USER@HOST/NAME
setting-debit-account = `{ $value }` не е сметка на дружеството, чиито извлечения се внасят тук
setting-debit-account-remedy = оставете го празно за operator.iban или посочете сметката и в [pay] accounts
setting-debit-euro = директните дебити са в евро
setting-debit-euro-remedy = напишете "EUR" като operator.currency или on = false
setting-declaration = празно е
setting-declaration-remedy = посочете редакцията на декларацията, с която клиентите се съгласяват
setting-domain = `{ $value }` не е домейн
setting-domain-remedy = напишете домейна на имейлите си, например example.bg
setting-eik = `{ $value }` не е ЕИК: 9 или 13 цифри с контролна накрая
setting-eik-remedy = препишете го от Търговския регистър
setting-email = `{ $value }` не е имейл адрес
setting-email-remedy = напишете го като name@example.bg
setting-euro = платежните системи приемат само евро
setting-euro-remedy = напишете "EUR" или махнете разделите [pay.providers.NAME]
setting-field-missing = липсва полето `{ $found }`
setting-field-missing-remedy = сравнете с това, което записва `kvit init`
setting-file-missing = не е посочен{ $what ->
    [pkcs12] { " " }файл PKCS#12
    [password] { " " }файл с парола
   *[folder] а папка
 }
setting-file-missing-remedy = напишете път; относителният се гледа от папката на услугата
setting-first-number = { $value } не е число до десет цифри от 1 нагоре
setting-first-number-remedy = напишете номера след последния, даден другаде
setting-guard = ограничение 0
setting-guard-remedy = напишете числа от 1 нагоре
setting-host = `{ $value }` не е име на машина
setting-host-remedy = напишете име или IP адрес
setting-hotline = празно е
setting-hotline-remedy = посочете денонощния телефон
setting-iban = `{ $value }` не е IBAN: контролните му цифри не излизат
setting-iban-remedy = препишете го от банката
setting-issuer = `{ $value }` не е адрес (issuer) на доставчик на самоличност
setting-issuer-remedy = препишете "issuer" буква по буква от /.well-known/openid-configuration на доставчика; започва с https://
setting-key-missing = липсва
setting-key-missing-remedy = напишете го, както прави `kvit init`
setting-key-unknown = непознато поле `{ $found }`, очаква се { $expected }
setting-key-unknown-remedy = сравнете с това, което записва `kvit init`
setting-ladder = изчакванията са от 1 до { $steps }, всяко от 1 до { $seconds } секунди
setting-ladder-remedy = напишете изчакванията в секунди, например [60, 300, 900]
setting-listen = не е адрес като 127.0.0.1:8480
setting-listen-remedy = сравнете с това, което записва `kvit init`
setting-mail-login = за вход са нужни потребител и парола
setting-mail-login-remedy = напишете и user, и password_file, или нито едното
setting-mail-open = имейлите към `{ $value }` могат да се прочетат по пътя
setting-mail-open-remedy = напишете "starttls" или "tls"; в собствена мрежа allow_plain_remote = true
setting-moved = { $keys } нямат място в самия раздел
setting-moved-remedy = напишете там mode = "{ $mode }", а ключовете в [{ $path }.{ $mode }]
setting-needed = нужно е за платежна система от вида { $kind }
setting-needed-remedy = напишете каквото казва договорът с платежната система
setting-no-roles = никоя група няма роля и никой не би могъл да влезе
setting-no-roles-remedy = напишете roles = { "{" } GROUP = "agent" { "}" }
setting-no-sign-in = никой не би могъл да влезе в конзолата
setting-no-sign-in-remedy = напишете true или добавете [staff.oidc]
setting-no-slash = не завършва с наклонена черта
setting-no-slash-remedy = напишете накрая наклонена черта: след нея идват пътищата на EasyPay
setting-no-table = няма [{ $path }.{ $mode }], а mode = "{ $mode }"
setting-no-table-remedy = напишете този раздел според договора или другия mode
setting-oidc-empty = празно е
setting-oidc-empty-remedy = напишете го, както казва OPERATIONS.md
setting-order-twice = едно име е посочено два пъти
setting-order-twice-remedy = посочете всяко веднъж
setting-order-unknown = няма [pay.providers.{ $name }]
setting-order-unknown-remedy = посочвайте само платежни системи, които имат раздел
setting-password-open = паролата може да се прочете по пътя
setting-password-open-remedy = напишете "starttls" или "tls"
setting-port = порт 0
setting-port-remedy = напишете 25, 465 или 587
setting-public-open = кодовете и сметките на истински клиенти могат да се прочетат по пътя
setting-public-open-remedy = напишете https:// и сложете отпред прокси сървър с TLS
setting-range = { $value } не е между 1 и { $max }
setting-range-remedy = изберете число между тях
setting-reminder-days = { $days } не са най-много { $most } различни броя дни от 1 до { $max }
setting-reminder-days-remedy = напишете дните като [3] или [] за нито един
setting-reminder-hours = от { $from } до { $to } не са часове от деня
setting-reminder-hours-remedy = напишете цели часове от 0 до 24, вторият след първия
setting-role = `{ $role }` за `{ $group }` не е роля
setting-role-remedy = използвайте agent, clerk, billing, auditor и administrator
setting-section-missing = разделът липсва
setting-section-missing-remedy = напишете го, както прави `kvit init`
setting-series = `{ $value }` не е серия (до 20 малки латински букви, цифри или -)
setting-series-remedy = изберете кратко име като main
setting-slash = завършва с наклонена черта
setting-slash-remedy = махнете я
setting-strengths = не са степени на сигурност при вход: { $values }
setting-strengths-remedy = напишете всяка стойност поотделно и без интервали, както я нарича доставчикът: acr_values = ["phr", "phrh"]
setting-system-name = `{ $value }` не става за име на платежна система: до 20 малки латински букви, цифри и тирета
setting-system-name-remedy = изберете кратко име като epay
setting-text-empty = празно е
setting-text-empty-remedy = напишете текста на двата езика
setting-text-expected = очаква се текст като "…" или { "{" } bg = "…", en = "…" { "}" }
setting-text-expected-remedy = сравнете с това, което записва `kvit init`
setting-time-zone = `{ $value }` не е часова зона
setting-time-zone-remedy = напишете име от IANA като Europe/Sofia
setting-toml = не е TOML
setting-toml-remedy = поправете записа
setting-trial = каквото изпитателна система нарече платено, би се водило за пари на клиенти
setting-trial-remedy = напишете mode = "live" или дотогава я махнете от [pay] order (при biller махнете раздела); където не идват клиенти, offer_test = true в [pay]
setting-type = намерено е { $found }, очаква се { $expected ->
    [u8] цяло число до 255
    [u16] цяло число до 65535
    [whole] цяло число
    [boolean] true или false
    [address] адрес като 127.0.0.1:8480
    [string] текст
    [sequence] списък
   *[other] { $shown }
 }
setting-type-remedy = сравнете с това, което записва `kvit init`
setting-value = стойността не е подходяща
setting-value-remedy = сравнете с това, което записва `kvit init`
setting-variant = непозната стойност `{ $found }`, очаква се { $expected }
setting-variant-remedy = сравнете с това, което записва `kvit init`
setting-vat = `{ $value }` не е номер по ДДС
setting-vat-remedy = напишете го с буквите на държавата, например BG123456789
setting-way = `{ $value }` не е начин на плащане
setting-way-remedy = използвайте account, card и cash
setting-web-address = `{ $value }` не е адрес на уебсайт
setting-web-address-remedy = напишете го като https://bills.example.bg

layout-argument-missing = липсва аргументът „{ $name }“
layout-argument-missing-remedy = добавете го
layout-argument-odd = излишен аргумент „{ $name }“
layout-argument-odd-remedy = махнете го или поправете името му
layout-changed = файловете се промениха, докато се изпитваха
layout-changed-remedy = качете го отново
layout-depth = функции или части на страницата влизат твърде дълбоко една в друга
layout-depth-remedy = потърсете нещо, което съдържа или вика себе си
layout-empty-folder = в папката няма файлове
layout-empty-zip = в този ZIP няма файлове
layout-ended = { $kind ->
    [any] сметка
   *[other] { $kind }: сметката
 } прекъсна изпитването ({ $status })
layout-ended-remedy = потърсете функция, която безкрайно вика себе си
layout-endless = { $kind ->
    [any] сметка
   *[other] { $kind }: сметката
 } не се оформя за { $seconds } секунди
layout-endless-remedy = потърсете цикъл, който не свършва
layout-expected = очаква се „{ $expected }“, намерено е „{ $found }“
layout-expected-remedy = напишете там каквото се очаква
layout-file-large = е над { $mib } MiB
layout-file-large-remedy = оставете само файловете, които променяте
layout-file-missing = липсва файлът { $name }
layout-file-missing-remedy = добавете файла или поправете името му
layout-file-name = не е име на файл
layout-file-name-remedy = преименувайте го
layout-files-max = оформлението има повече от { $max } файла
layout-files-max-remedy = оставете само файловете, които променяте
layout-font-unknown = непознат шрифт „{ $name }“
layout-font-unknown-remedy = вземете шрифт, който оформлението има, или сложете файла му в fonts/
layout-key-missing = в данните няма ключ { $name }
layout-key-missing-remedy = поправете ключа; docs/LAYOUT.md изброява полетата на сметката
layout-memory = { $kind ->
    [any] сметка
   *[other] { $kind }: сметката
 } заема повече от { $mib } MiB памет
layout-memory-remedy = рисувайте по-малко наведнъж; потърсете списък, текст или рисунка, които растат безкрайно
layout-name-taken = Kvit прави сам файл с това име
layout-name-taken-remedy = изберете друго
layout-not-a-font = не е шрифт TrueType или OpenType
layout-not-a-font-remedy = сложете там шрифта като .ttf или .otf
layout-not-a-layout = не е нито ZIP, нито файл на Typst (.typ)
layout-not-a-layout-remedy = изпратете папката на оформлението като ZIP
layout-not-utf-8 = не е UTF-8
layout-not-utf-8-remedy = запазете го като UTF-8
layout-twice = има го два пъти
layout-twice-remedy = оставете единия
layout-typst = Typst не приема това, което стои тук
layout-typst-remedy = поправете реда
layout-unclosed = { $what ->
    [delimiter] незатворена скоба
    [string] незатворен текст в кавички
    [label] незатворен етикет
   *[other] незатворено { $shown }
 }
layout-unclosed-remedy = затворете го
layout-unpackable = не може да се разопакова
layout-unpackable-remedy = пакетирайте го отново
layout-unpacked-large = е над { $mib } MiB или всички файлове заедно са над { $all } MiB
layout-unpacked-large-remedy = оставете само файловете, които променяте
layout-variable-unknown = непознато име „{ $name }“
layout-variable-unknown-remedy = дефинирайте го или го поправете
layout-zero = деление на нула
layout-zero-remedy = първо проверете дали не е нула
layout-zip-broken = повреден ZIP
layout-zip-broken-remedy = пакетирайте го отново
layout-zip-files = в този ZIP има { $found } файла, а може да има { $max }
layout-zip-files-remedy = оставете само файловете, които променяте
layout-zip-list = списъкът с файлове в този ZIP е по-голям, отколкото е нужно за { $max }
layout-zip-list-remedy = оставете само файловете, които променяте
