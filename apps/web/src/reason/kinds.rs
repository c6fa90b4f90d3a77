//! What may not work, why, and what settings are held to, by stable names. The words are in `texts/reasons.*.ftl`.

use std::fmt;

use super::Phrase;

/// Names of one family of texts.
pub trait Kind: Copy {
    /// What the names of its texts begin with.
    const FAMILY: &'static str;

    /// Its stable name.
    fn name(self) -> &'static str;

    /// It with its values.
    fn with(self, values: &[(&'static str, &dyn fmt::Display)]) -> Phrase {
        let values = values
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.to_string()));
        Phrase {
            name: format!("{}-{}", Self::FAMILY, self.name()),
            values: values.collect(),
        }
    }
}

kvit_billing::checks! {
    /// What does not work.
    pub enum Fails {
        ArchiveClosed "archive-closed",
        ArchiveFolder "archive-folder",
        BuiltinLayout "builtin-layout",
        FileUnread "file-unread",
        FilesUnread "files-unread",
        FirstNumber "first-number",
        FolderUnknown "folder-unknown",
        ImportStopped "import-stopped",
        InstanceKey "instance-key",
        InstanceNone "instance-none",
        Layout "layout",
        LayoutUnknown "layout-unknown",
        LayoutUnread "layout-unread",
        LayoutUntried "layout-untried",
        Lock "lock",
        MailServerSilent "mail-server-silent",
        Mails "mails",
        NamedOften "named-often",
        NoBill "no-bill",
        NotText "not-text",
        NotWritable "not-writable",
        Oidc "oidc",
        Other "other",
        PeopleUnread "people-unread",
        Portal "portal",
        Run "run",
        RunName "run-name",
        Seal "seal",
        SecretEmpty "secret-empty",
        SecretShared "secret-shared",
        SecretUnread "secret-unread",
        Setting "setting",
        Settings "settings",
        Statement "statement",
        Store "store",
        StoreClosed "store-closed",
        StoreMissing "store-missing",
        System "system",
        SystemKey "system-key",
        SystemUnreached "system-unreached",
        SystemsUnread "systems-unread",
        TooDeep "too-deep",
        TooManyFiles "too-many-files",
        TrustRoots "trust-roots",
        Unread "unread",
        ZipFiles "zip-files",
        ZipList "zip-list",
    }
}

impl Kind for Fails {
    const FAMILY: &'static str = "fails";

    fn name(self) -> &'static str {
        self.as_str()
    }
}

kvit_billing::checks! {
    /// Why something does not work, as far as this program knows the cause.
    pub enum Because {
        ArchiveFolder "archive-folder",
        ArchiveObjects "archive-objects",
        BillData "bill-data",
        BillTime "bill-time",
        BillTwin "bill-twin",
        BrokenOff "broken-off",
        Certificate "certificate",
        CertificateDates "certificate-dates",
        CertificateUnread "certificate-unread",
        CodeLong "code-long",
        Colour "colour",
        Cut "cut",
        Database "database",
        DatabaseClosed "database-closed",
        DatabaseCorrupt "database-corrupt",
        DatabaseSchema "database-schema",
        DatabaseUrl "database-url",
        Denied "denied",
        Died "died",
        Engine "engine",
        Exists "exists",
        Export "export",
        Full "full",
        Hex "hex",
        InUse "in-use",
        IsFolder "is-folder",
        KeptBreaksOff "kept-breaks-off",
        KeyAlgorithm "key-algorithm",
        KeyCertificate "key-certificate",
        KeyForeign "key-foreign",
        KeyFormat "key-format",
        KeyNone "key-none",
        KeyNotForSeals "key-not-for-seals",
        KeyPassword "key-password",
        KeySeveral "key-several",
        Logo "logo",
        MailAddress "mail-address",
        MailHost "mail-host",
        MailLogin "mail-login",
        MailOpen "mail-open",
        MailRoots "mail-roots",
        MailSetting "mail-setting",
        MailTemplate "mail-template",
        MailTexts "mail-texts",
        MailUnknown "mail-unknown",
        NameUnknown "name-unknown",
        NoAddress "no-address",
        NotFolder "not-folder",
        NotFound "not-found",
        NotText "not-text",
        OidcFlow "oidc-flow",
        OidcIssuer "oidc-issuer",
        OidcKeys "oidc-keys",
        OidcNone "oidc-none",
        OidcUnfetched "oidc-unfetched",
        OpenLine "open-line",
        PageFileUnknown "page-file-unknown",
        PageTemplate "page-template",
        PageTexts "page-texts",
        PublicUrl "public-url",
        Quota "quota",
        ReadOnly "read-only",
        RecordUnwritten "record-unwritten",
        Refused "refused",
        ReportUnwritten "report-unwritten",
        Reset "reset",
        RootUnread "root-unread",
        RootsEmpty "roots-empty",
        RootsPem "roots-pem",
        RsaMissing "rsa-missing",
        RsaUnfit "rsa-unfit",
        RunUnkept "run-unkept",
        SealCertificate "seal-certificate",
        Slow "slow",
        StatementUnbooked "statement-unbooked",
        StatementUnread "statement-unread",
        Status "status",
        Tls "tls",
        TooLarge "too-large",
        Unreachable "unreachable",
    }
}

impl Kind for Because {
    const FAMILY: &'static str = "cause";

    fn name(self) -> &'static str {
        self.as_str()
    }
}

kvit_billing::checks! {
    /// What a setting is held to.
    pub enum Setting {
        AccountIban "account-iban",
        Address "address",
        BankName "bank-name",
        Bic "bic",
        Bytes "bytes",
        Colour "colour",
        Creditor "creditor",
        CreditorMissing "creditor-missing",
        Database "database",
        DebitAccount "debit-account",
        DebitEuro "debit-euro",
        Declaration "declaration",
        Domain "domain",
        Eik "eik",
        Email "email",
        Euro "euro",
        FieldMissing "field-missing",
        FileMissing "file-missing",
        FirstNumber "first-number",
        Guard "guard",
        Host "host",
        Hotline "hotline",
        Iban "iban",
        Issuer "issuer",
        KeyMissing "key-missing",
        KeyUnknown "key-unknown",
        Ladder "ladder",
        Listen "listen",
        MailLogin "mail-login",
        MailOpen "mail-open",
        Moved "moved",
        Needed "needed",
        NoRoles "no-roles",
        NoSignIn "no-sign-in",
        NoSlash "no-slash",
        NoTable "no-table",
        OidcEmpty "oidc-empty",
        OrderTwice "order-twice",
        OrderUnknown "order-unknown",
        PasswordOpen "password-open",
        Port "port",
        PublicOpen "public-open",
        Range "range",
        ReminderDays "reminder-days",
        ReminderHours "reminder-hours",
        Role "role",
        SectionMissing "section-missing",
        Series "series",
        Slash "slash",
        Strengths "strengths",
        SystemName "system-name",
        TextEmpty "text-empty",
        TextExpected "text-expected",
        TimeZone "time-zone",
        Toml "toml",
        Trial "trial",
        Type "type",
        Value "value",
        Variant "variant",
        Vat "vat",
        Way "way",
        WebAddress "web-address",
    }
}

impl Kind for Setting {
    const FAMILY: &'static str = "setting";

    fn name(self) -> &'static str {
        self.as_str()
    }
}

kvit_billing::checks! {
    /// What a layout is held to.
    pub enum LayoutCheck {
        ArgumentMissing "argument-missing",
        ArgumentOdd "argument-odd",
        Changed "changed",
        Depth "depth",
        EmptyFolder "empty-folder",
        EmptyZip "empty-zip",
        Ended "ended",
        Endless "endless",
        Expected "expected",
        FileLarge "file-large",
        FileMissing "file-missing",
        FileName "file-name",
        FilesMax "files-max",
        FontUnknown "font-unknown",
        KeyMissing "key-missing",
        Memory "memory",
        NameTaken "name-taken",
        NotAFont "not-a-font",
        NotALayout "not-a-layout",
        NotUtf8 "not-utf-8",
        Twice "twice",
        Typst "typst",
        Unclosed "unclosed",
        Unpackable "unpackable",
        UnpackedLarge "unpacked-large",
        VariableUnknown "variable-unknown",
        Zero "zero",
        ZipBroken "zip-broken",
        ZipFiles "zip-files",
        ZipList "zip-list",
    }
}

impl Kind for LayoutCheck {
    const FAMILY: &'static str = "layout";

    fn name(self) -> &'static str {
        self.as_str()
    }
}
