//! What people sign in with: a password, kept as Argon2id (RFC 9106), of staff and customers alike, and of staff the code
//! of an authenticator app (TOTP, RFC 6238 with SHA-1, six digits, thirty seconds: what every app does).

use std::sync::LazyLock;

use argon2::{Argon2, PasswordHash, PasswordHasher, PasswordVerifier, password_hash::SaltString};
use aws_lc_rs::hmac;
use jiff::Timestamp;
use kvit_billing::{Secret, StaffLogin, ports::Rng};
use subtle::ConstantTimeEq;

use crate::guessable::is_common;

/// The shortest password that a member of staff may choose, in characters.
pub const PASSWORD_CHARS_MIN: usize = 12;
/// The longest, in characters.
pub const PASSWORD_CHARS_MAX: usize = 200;
/// A temporary password opens nothing any more so many days after it was given out.
pub const TEMPORARY_DAYS: i64 = 7;
/// What is guessed first, in small letters and longest first where one holds another. Beside these, a password may be as it likes.
const EASY_WORDS: &[&str] = &[
    "administrator",
    "администратор",
    "password",
    "passwort",
    "passw0rd",
    "p@ssw0rd",
    "parola",
    "парола",
    "admin",
    "админ",
    "welcome",
    "добре дошъл",
    "letmein",
    "iloveyou",
    "обичам те",
    "obicham te",
    "qwertyuiop",
    "qwertz",
    "qwerty",
    "asdfgh",
    "asdf",
    "zxcvbn",
    "zxcv",
    "1qaz",
    "2wsx",
    "явертъ",
    "йцукен",
    "уеишщк",
    "abcdef",
    "абвгд",
    "1234567890",
    "123456789",
    "12345678",
    "123456",
    "12345",
    "1234",
    "123123",
    "654321",
    "kvit",
    "квит",
    "agent",
    "clerk",
    "billing",
    "auditor",
    "staff",
    "служител",
    "сметка",
    "smetka",
    "january",
    "february",
    "march",
    "april",
    "august",
    "september",
    "october",
    "november",
    "december",
    "януари",
    "февруари",
    "март",
    "април",
    "август",
    "септември",
    "октомври",
    "ноември",
    "декември",
    "spring",
    "summer",
    "autumn",
    "winter",
    "пролет",
    "лято",
    "есен",
    "зима",
    "bulgaria",
    "българия",
    "balgaria",
    "sofia",
    "софия",
];
/// Letters and digits that a password has to have besides them.
const OWN_CHARS_MIN: usize = 8;
const STEP_S: i64 = 30;
const DIGITS: u32 = 6;
/// Letters and digits that cannot be taken for each other, 32 of them.
const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";
/// RFC 4648, 6.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A password that cannot be hashed.
#[derive(Debug, thiserror::Error)]
#[error("the password cannot be hashed: {0}")]
pub struct HashError(argon2::password_hash::Error);

/// A password to be replaced at the first sign-in, of 80 random bits in four groups.
#[must_use]
pub fn temporary_password(rng: &dyn Rng) -> Secret<String> {
    let mut bytes = [0; 16];
    rng.fill(&mut bytes);
    let mut text = String::with_capacity(19);
    for (at, byte) in bytes.iter().enumerate() {
        if at > 0 && at % 4 == 0 {
            text.push('-');
        }
        text.push(char::from(ALPHABET[usize::from(byte % 32)]));
    }
    Secret::new(text)
}

/// Argon2id of a password, with a fresh salt, in PHC form. Takes some 20 MB and tens of milliseconds.
///
/// # Errors
/// Where the hash cannot be computed.
pub fn hash_password(password: &str, rng: &dyn Rng) -> Result<Secret<String>, HashError> {
    let mut salt = [0; 16];
    rng.fill(&mut salt);
    let salt = SaltString::encode_b64(&salt).map_err(HashError)?;
    let hash = Argon2::default().hash_password(password.as_bytes(), &salt);
    Ok(Secret::new(hash.map_err(HashError)?.to_string()))
}

/// Whether `password` is the one of which `hash` was made. Without a hash, for an account that does not
/// exist, the same work is done in vain.
#[must_use]
pub fn password_matches(password: &str, hash: Option<&Secret<String>>) -> bool {
    static NOBODY: LazyLock<String> = LazyLock::new(|| {
        let salt = SaltString::encode_b64(&[0; 16]);
        let hash = salt.and_then(|salt| {
            let hash = Argon2::default().hash_password(b"nobody", &salt)?;
            Ok(hash.to_string())
        });
        hash.unwrap_or_default()
    });
    let kept = hash.map_or(NOBODY.as_str(), |hash| hash.expose());
    let same = PasswordHash::new(kept).is_ok_and(|kept| {
        Argon2::default()
            .verify_password(password.as_bytes(), &kept)
            .is_ok()
    });
    same && hash.is_some()
}

/// Why a password cannot be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// Too short or too long.
    Length,
    /// Made of its owner's own names.
    Own,
    /// Among the first that are tried.
    Easy,
}

/// Whether people may choose this password: long, not with their own names in it, not one sign over and over, none that
/// many people have, and not made of the operator's names (`names`) and of what is guessed first.
pub(crate) fn judge_password(
    password: &str,
    chars_min: usize,
    own: &[&str],
    names: &[&str],
) -> Result<(), Unfit> {
    if !(chars_min..=PASSWORD_CHARS_MAX).contains(&password.chars().count()) {
        return Err(Unfit::Length);
    }
    let mut different: Vec<char> = password.chars().collect();
    different.sort_unstable();
    different.dedup();
    let small = password.to_lowercase();
    if own.iter().any(|own| small.contains(&own.to_lowercase())) {
        return Err(Unfit::Own);
    }
    let mut rest = small.clone();
    for word in names.iter().map(|name| name.to_lowercase()) {
        // A blank between the letters of a password would be all that is left of an empty name.
        if !word.trim().is_empty() {
            rest = rest.replace(&word, " ");
        }
    }
    for word in EASY_WORDS {
        rest = rest.replace(word, " ");
    }
    let left = rest.chars().filter(|sign| sign.is_alphanumeric()).count();
    let easy = rest != small && left < OWN_CHARS_MIN;
    if different.len() < 5 || easy || is_common(password) {
        return Err(Unfit::Easy);
    }
    Ok(())
}

/// Whether a member of staff may choose this password.
#[must_use]
pub fn password_is_fit(password: &str, login: &StaffLogin, names: &[&str]) -> bool {
    judge_password(password, PASSWORD_CHARS_MIN, &[login.as_str()], names).is_ok()
}

/// The time step whose code was typed, if it is that of now or a neighbour: clocks of telephones are a
/// little off. The step has to be used up, so that a code opens one time.
#[must_use]
pub fn totp_step(secret: &Secret<[u8; 20]>, typed: &str, now: Timestamp) -> Option<u64> {
    let digits: String = typed.chars().filter(|c| !c.is_whitespace()).collect();
    let step = u64::try_from(now.as_second() / STEP_S).ok()?;
    let mut found = None;
    for near in step.saturating_sub(1)..=step + 1 {
        let code = totp_code_at(secret, near);
        if bool::from(code.as_bytes().ct_eq(digits.as_bytes())) {
            found = Some(near);
        }
    }
    found
}

/// The code of now, as an authenticator app shows it.
#[must_use]
pub fn totp_code(secret: &Secret<[u8; 20]>, now: Timestamp) -> String {
    totp_code_at(secret, u64::try_from(now.as_second() / STEP_S).unwrap_or(0))
}

fn totp_code_at(secret: &Secret<[u8; 20]>, step: u64) -> String {
    let code = truncated(secret.expose(), step) % 10_u32.pow(DIGITS);
    format!("{code:0width$}", width = DIGITS as usize)
}

/// RFC 4226, 5.3.
fn truncated(secret: &[u8], counter: u64) -> u32 {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &counter.to_be_bytes());
    let tag = tag.as_ref();
    let at = usize::from(tag[19] & 0x0f);
    let word = [tag[at], tag[at + 1], tag[at + 2], tag[at + 3]];
    u32::from_be_bytes(word) & 0x7fff_ffff
}

/// The secret as people type it into an authenticator app.
#[must_use]
pub fn totp_secret_text(secret: &Secret<[u8; 20]>) -> String {
    // Twenty bytes are 32 groups of five bits without rest.
    let mut text = String::with_capacity(32);
    for group in secret.expose().chunks(5) {
        let bits = group
            .iter()
            .fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        for at in (0..8).rev() {
            // Below 32, so it fits.
            text.push(char::from(BASE32[(bits >> (at * 5) & 31) as usize]));
        }
    }
    text
}

/// The address that authenticator apps read from a QR code.
#[must_use]
pub fn totp_address(secret: &Secret<[u8; 20]>, login: &StaffLogin) -> String {
    format!(
        "otpauth://totp/Kvit:{login}?secret={}&issuer=Kvit",
        totp_secret_text(secret)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B: SHA-1, eight digits.
    #[test]
    fn the_codes_of_the_standard() {
        for (second, code) in [
            (59, 94_287_082),
            (1_111_111_109, 7_081_804),
            (1_111_111_111, 14_050_471),
            (1_234_567_890, 89_005_924),
            (2_000_000_000, 69_279_037),
            (20_000_000_000, 65_353_130_u32),
        ] {
            let step: u64 = second / 30;
            let found = truncated(b"12345678901234567890", step) % 100_000_000;
            assert_eq!(found, code, "{second}");
        }
    }

    #[test]
    fn a_code_is_good_for_its_step_and_the_neighbours() {
        let secret = Secret::new(*b"12345678901234567890");
        let at = |second| Timestamp::from_second(second).expect("a time");
        // The last six of 94287082.
        assert_eq!(totp_code(&secret, at(59)), "287082");
        for (second, good) in [(0, true), (59, true), (89, true), (90, false)] {
            assert_eq!(
                totp_step(&secret, "287 082", at(second)).is_some(),
                good,
                "{second}"
            );
        }
        for wrong in ["", "287083", "94287082", "28708"] {
            assert_eq!(totp_step(&secret, wrong, at(59)), None, "{wrong}");
        }
    }

    /// RFC 4648, 10, "foobar" and so on, in whole groups.
    #[test]
    fn secrets_are_written_in_base32() {
        let secret = Secret::new(*b"fooba12345fooba12345");
        let text = totp_secret_text(&secret);
        assert!(text.starts_with("MZXW6YTB") && text.len() == 32, "{text}");
    }

    #[test]
    fn passwords_are_hashed_and_known_again() {
        struct Fixed;
        impl Rng for Fixed {
            fn fill(&self, bytes: &mut [u8]) {
                bytes.fill(7);
            }
        }
        let hash = hash_password("correct horse battery", &Fixed).expect("a hash");
        assert!(hash.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(password_matches("correct horse battery", Some(&hash)));
        assert!(!password_matches("correct horse", Some(&hash)));
        assert!(!password_matches("nobody", None));
        let made = temporary_password(&Fixed);
        let login = "m.ivanova".parse().expect("a name");
        assert_eq!(made.expose().len(), 19);
        for (password, fit) in [
            ("correct horse battery", true),
            ("дълга парола на български", true),
            ("short", false),
            ("aaaaaaaaaaaaaaaa", false),
            ("m.ivanova-2026-11", false),
            // What is guessed first counts for nothing.
            ("Svetlina-2026-11", false),
            ("Светлина2026!Светлина", false),
            ("Password12345!", false),
            ("Парола-Ноември-2026", false),
            ("qwertyuiop1234567890", false),
            ("svetlina has four more words", true),
            // Any signs may make a password.
            ("#7!=%4/-&2(+", true),
            ("x9$kvitR4!mWq7z", true),
            ("847362910584", true),
            // Nor may it be one of those that many have.
            ("Manchester---United", true),
            ("manchesterunited", false),
            ("1q2w3e4r5t6y7u8i", false),
            ("cookiemonster2026!", false),
        ] {
            let names = ["Светлина", "Svetlina", ""];
            assert_eq!(password_is_fit(password, &login, &names), fit, "{password}");
        }
    }
}
