//! Passwords that many people have, and that are tried first.

use std::{collections::HashSet, sync::LazyLock};

/// One a line in small letters, from Django 5.2.8 (`common-passwords.txt.gz`, BSD-3-Clause), which has them from
/// what was stolen elsewhere; those of five signs and more.
const LIST: &str = include_str!("common-passwords.txt");

/// Whether the password is one of them, or one with digits and signs before and behind, or one over and over.
pub(crate) fn is_common(password: &str) -> bool {
    static COMMON: LazyLock<HashSet<&str>> = LazyLock::new(|| LIST.lines().collect());
    let small = password.trim().to_lowercase();
    let core = small.trim_matches(|sign: char| !sign.is_alphabetic());
    COMMON.contains(&*small) || COMMON.contains(core) || COMMON.contains(once(&small))
}

/// What the text repeats; all of it where it repeats nothing.
fn once(text: &str) -> &str {
    let found = (1..=text.len() / 2)
        .filter(|length| text.len().is_multiple_of(*length) && text.is_char_boundary(*length))
        .find(|length| {
            text.as_bytes()
                .chunks(*length)
                .all(|part| part == &text.as_bytes()[..*length])
        });
    found.map_or(text, |length| &text[..length])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_many_have_is_known() {
        assert!(
            LIST.lines()
                .filter(|line| line.chars().count() >= 8)
                .count()
                > 8_000
        );
        for (password, common) in [
            ("iloveyou", true),
            ("Sunshine1987!", true),
            ("1qaz2wsx3edc4rfv", true),
            ("basketballbasketball", true),
            ("*** football ***", true),
            ("correct horse battery", false),
            ("дълга парола на български", false),
            ("sunshine over the balkan", false),
            ("847362910584", false),
            ("", false),
        ] {
            assert_eq!(is_common(password), common, "{password}");
        }
        assert_eq!((once("abab"), once("aba"), once("ъъ")), ("ab", "aba", "ъ"));
    }
}
