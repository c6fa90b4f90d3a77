//! What a mail server's answer means for a delivery, by rules that are data.

use serde::Deserialize;

/// How one attempt ended. `reply` is what the server said, or what went wrong: at most 500
/// characters, one line. It may hold the recipient's address, so it is stored, never logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The server took the responsibility for the mail.
    Accepted {
        /// What it said.
        reply: String,
    },
    /// It certainly did not take it; it may later.
    Temporary {
        /// What it said.
        reply: String,
    },
    /// It did not take it and never will.
    Permanent {
        /// What it said.
        reply: String,
    },
    /// The connection failed after the final dot: the server may have taken the mail or not.
    Unknown {
        /// What went wrong.
        reply: String,
    },
}

impl Outcome {
    /// A short fixed name for logs and metrics.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Accepted { .. } => "accepted",
            Self::Temporary { .. } => "temporary",
            Self::Permanent { .. } => "permanent",
            Self::Unknown { .. } => "unknown",
        }
    }
}

/// An SMTP reply (RFC 5321, 4.2) with its enhanced status code (RFC 3463), if it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Three digits.
    pub code: u16,
    /// Such as `5.1.1`.
    pub enhanced: Option<String>,
    /// The text without codes; its lines joined by a space. At most 500 characters.
    pub text: String,
}

const TEXT_MAX: usize = 500;

impl Reply {
    /// The reply of these lines, each still with its code: `550-5.1.1 No such user`.
    /// `None` where a line has no code, or the lines disagree about it.
    #[must_use]
    pub fn parse<'a>(lines: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let (mut code, mut enhanced, mut text) = (None, None, String::new());
        for line in lines {
            let (digits, rest) = line.split_at_checked(3)?;
            let this = digits
                .parse::<u16>()
                .ok()
                .filter(|c| (200..600).contains(c))?;
            if *code.get_or_insert(this) != this {
                return None;
            }
            let rest = rest.strip_prefix(['-', ' ']).unwrap_or(rest).trim();
            let (first, tail) = rest.split_once(' ').unwrap_or((rest, ""));
            let said = if is_enhanced(first) {
                enhanced.get_or_insert_with(|| first.to_owned());
                tail
            } else {
                rest
            };
            if !text.is_empty() && !said.is_empty() {
                text.push(' ');
            }
            text.extend(said.chars().map(|c| if c.is_control() { ' ' } else { c }));
        }
        let text = text.chars().take(TEXT_MAX).collect();
        Some(Self {
            code: code?,
            enhanced,
            text,
        })
    }
}

impl std::fmt::Display for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(enhanced) = &self.enhanced {
            write!(f, " {enhanced}")?;
        }
        write!(f, " {}", self.text)
    }
}

fn is_enhanced(word: &str) -> bool {
    let mut parts = word.split('.');
    let class = parts
        .next()
        .is_some_and(|class| matches!(class, "2" | "4" | "5"));
    let mut number = || {
        parts
            .next()
            .is_some_and(|n| (1..=3).contains(&n.len()) && n.bytes().all(|b| b.is_ascii_digit()))
    };
    class && number() && number() && parts.next().is_none()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Temporary,
    Permanent,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    name: String,
    verdict: Verdict,
    /// A code or its beginning.
    #[serde(default)]
    code: String,
    /// Enhanced codes; a trailing `*` stands for any rest.
    #[serde(default)]
    enhanced: Vec<String>,
    /// Lower-case words of which one must be in the text.
    #[serde(default)]
    words: Vec<String>,
    /// Replies for which this must be the rule that decides.
    examples: Vec<String>,
}

/// The rules by which refusals are told apart. The first that fits decides; where none does, 5xx
/// is permanent and everything else temporary.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplyRules {
    rules: Vec<Rule>,
}

/// Rules that do not say what they mean.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// Not TOML of the right shape.
    #[error("the reply rules cannot be read")]
    Form(#[source] Box<toml::de::Error>),
    /// A rule without an example, or that fits everything.
    #[error("the reply rule `{0}` has no example, or no code, enhanced code or word")]
    Empty(String),
    /// An example is decided by another rule.
    #[error("the example `{example}` of the reply rule `{rule}` is decided by {by}")]
    Example {
        /// Whose example.
        rule: String,
        /// The reply.
        example: String,
        /// What decides it.
        by: String,
    },
}

impl ReplyRules {
    /// The rules that come with Kvit; a test proves that they can be read.
    #[must_use]
    pub fn builtin() -> Self {
        Self::parse(include_str!("../data/replies.toml")).unwrap_or(Self { rules: Vec::new() })
    }

    /// Reads rules and checks each example against them.
    ///
    /// # Errors
    /// Where the text is no TOML of the right shape, or an example is not decided by its own rule.
    pub fn parse(text: &str) -> Result<Self, RulesError> {
        let rules: Self =
            toml::from_str(text).map_err(|error| RulesError::Form(Box::new(error)))?;
        for rule in &rules.rules {
            let says = !rule.code.is_empty() || !rule.enhanced.is_empty() || !rule.words.is_empty();
            if rule.examples.is_empty() || !says {
                return Err(RulesError::Empty(rule.name.clone()));
            }
            for example in &rule.examples {
                let by = Reply::parse([example.as_str()]).map(|reply| rules.decide(&reply));
                match by {
                    Some(Some(by)) if by.name == rule.name => {}
                    _ => {
                        let by = by
                            .flatten()
                            .map_or("none".to_owned(), |by| format!("`{}`", by.name));
                        return Err(RulesError::Example {
                            rule: rule.name.clone(),
                            example: example.clone(),
                            by,
                        });
                    }
                }
            }
        }
        Ok(rules)
    }

    /// What the reply to MAIL, RCPT, DATA or the message itself means.
    #[must_use]
    pub fn classify(&self, reply: &Reply) -> Outcome {
        let said = reply.to_string();
        if (200..300).contains(&reply.code) {
            return Outcome::Accepted { reply: said };
        }
        let verdict = match self.decide(reply) {
            Some(rule) => rule.verdict,
            None if reply.code >= 500 => Verdict::Permanent,
            None => Verdict::Temporary,
        };
        match verdict {
            Verdict::Temporary => Outcome::Temporary { reply: said },
            Verdict::Permanent => Outcome::Permanent { reply: said },
        }
    }

    fn decide(&self, reply: &Reply) -> Option<&Rule> {
        let code = reply.code.to_string();
        let text = reply.text.to_lowercase();
        self.rules.iter().find(|rule| {
            code.starts_with(&rule.code)
                && (rule.enhanced.is_empty()
                    || reply.enhanced.as_deref().is_some_and(|is| {
                        rule.enhanced
                            .iter()
                            .any(|want| match want.strip_suffix('*') {
                                Some(beginning) => is.starts_with(beginning),
                                None => is == want,
                            })
                    }))
                && (rule.words.is_empty() || rule.words.iter().any(|word| text.contains(word)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(line: &str) -> &'static str {
        ReplyRules::builtin()
            .classify(&Reply::parse([line]).expect("a reply"))
            .name()
    }

    #[test]
    fn the_rules_that_come_with_kvit_are_sound() {
        let rules = ReplyRules::parse(include_str!("../data/replies.toml")).expect("sound");
        assert!(rules.rules.len() > 5);
    }

    #[test]
    fn a_rule_hidden_by_an_earlier_one_is_found() {
        let text = "[[rules]]\nname='a'\nverdict='permanent'\ncode='55'\nexamples=['550 no']\n\
                    [[rules]]\nname='b'\nverdict='temporary'\ncode='552'\nexamples=['552 full']\n";
        assert!(
            matches!(ReplyRules::parse(text), Err(RulesError::Example { rule, .. }) if rule == "b")
        );
    }

    #[test]
    fn replies_without_a_rule_follow_their_class() {
        assert_eq!(outcome("250 2.0.0 queued"), "accepted");
        assert_eq!(outcome("450 4.2.0 greylisted"), "temporary");
        assert_eq!(outcome("550 5.1.1 no such user"), "permanent");
        assert_eq!(outcome("354 go on"), "temporary");
    }

    #[test]
    fn replies_of_several_lines_are_joined() {
        let reply = Reply::parse(["550-5.1.1 No such\r", "550 5.1.1 user"]).expect("a reply");
        assert_eq!(reply.to_string(), "550 5.1.1 No such user");
        for bad in [
            vec![],
            vec!["55"],
            vec!["abc x"],
            vec!["250-a", "550 b"],
            vec!["999 x"],
            vec!["5ж x"],
        ] {
            assert_eq!(Reply::parse(bad), None);
        }
    }
}
