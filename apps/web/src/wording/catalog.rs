//! Which texts an operator changes, in the groups in which people look for them. What protects customers from fraud,
//! names deadlines of the law or is a declaration is not among them.

/// Where a text is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// In mails.
    Mail,
    /// On customers' pages.
    Page,
}

impl Part {
    /// As names of texts begin.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Page => "page",
        }
    }
}

/// Texts that are read together.
pub struct Group {
    /// Its name in addresses, such as `reminders`.
    pub name: &'static str,
    /// Where they are said.
    pub part: Part,
    /// The samples that show them: of mails, or addresses of pages.
    pub samples: &'static [&'static str],
    /// Their keys in the Fluent files.
    pub keys: &'static [&'static str],
}

/// All of them, in the order of the console.
pub const GROUPS: &[Group] = &[
    Group {
        name: "every-mail",
        part: Part::Mail,
        samples: &["bill", "reminder-before"],
        keys: &["greeting", "greeting-named", "why-bill", "questions"],
    },
    Group {
        name: "bill",
        part: Part::Mail,
        samples: &["bill", "nothing"],
        keys: &[
            "bill-subject-invoice",
            "bill-intro-invoice",
            "bill-subject-nothing",
            "bill-intro-nothing",
            "confirm-why-bill",
            "pay-hint",
        ],
    },
    Group {
        name: "reminders",
        part: Part::Mail,
        samples: &["reminder-before", "reminder-after"],
        keys: &[
            "reminder-subject-before",
            "reminder-intro-before",
            "reminder-subject-after",
            "reminder-intro-after",
            "reminder-paid",
            "reminder-trouble",
        ],
    },
    Group {
        name: "payments",
        part: Part::Mail,
        samples: &["paid", "back"],
        keys: &[
            "payment-subject-paid",
            "payment-intro-paid",
            "payment-subject-back",
            "payment-intro-back",
            "payment-do",
        ],
    },
    Group {
        name: "home",
        part: Part::Page,
        samples: &["home"],
        keys: &[
            "home-title",
            "home-lead",
            "home-enrol-title",
            "home-enrol-text",
            "home-help-title",
            "home-help-text",
            "hotline",
        ],
    },
    Group {
        name: "help",
        part: Part::Page,
        samples: &["help"],
        keys: &[
            "help-contact-title",
            "help-contact-text",
            "help-where-text",
            "help-wrong-text",
            "help-mail-text",
            "help-genuine-text",
        ],
    },
];

/// The group of this name.
#[must_use]
pub fn group(name: &str) -> Option<&'static Group> {
    GROUPS.iter().find(|group| group.name == name)
}
