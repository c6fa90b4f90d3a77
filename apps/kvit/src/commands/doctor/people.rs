//! Members of staff: how they sign in, what keeps them from their work, and who of them is told by mail.

use std::fmt;

use kvit_billing::Role;
use kvit_store::StaffRecord;
use kvit_web::{Fails, Finding, Health};

use super::{broken, found, judge};
use crate::{
    config::OidcConfig,
    exit::{Context as _, Exit, Failure},
    wiring::Instance,
};

/// What there is to say of members of staff.
pub(super) async fn findings(instance: &Instance) -> Vec<Finding> {
    let oidc = instance.config.staff.oidc.as_ref();
    let mut looks = Vec::new();
    if oidc.is_some() {
        let asked = identity_provider(instance).await;
        looks.push(judge("staff sign-in", asked, "sign-in"));
    }
    match instance.store.staff().await.map_err(Failure::from) {
        Ok(people) => {
            looks.extend(oidc.and_then(|oidc| without_centre(&people, oidc)));
            looks.extend(nobody_told(&people));
        }
        Err(failure) => looks.push(broken("alarms", &failure)),
    }
    looks
}

/// That the identity provider of staff is who it should be, and has keys.
async fn identity_provider(instance: &Instance) -> Result<(), Failure> {
    let Some(oidc) = instance.oidc()? else {
        return Ok(());
    };
    let looked = oidc.look().await;
    looked.fails(Exit::Configuration, Fails::Oidc, &[])
}

/// Clerks who can recognise nobody, or will not be able to, since nothing names their centre.
fn without_centre(people: &[StaffRecord], oidc: &OidcConfig) -> Option<Finding> {
    let part = "service centres";
    let clerks = people.iter().filter(|person| {
        person.role == Role::Clerk && person.centre.is_none() && person.disabled_at.is_none()
    });
    let logins: Vec<_> = clerks.map(|person| person.login.as_str()).collect();
    if !logins.is_empty() {
        let logins = logins.join(", ");
        let values: [(_, &dyn fmt::Display); 1] = [("logins", &logins)];
        return Some(found(part, Health::Warning, "no-centre", &values));
    }
    // With accounts of an administrator's making the centre is known before.
    let comes = oidc.roles.values().any(|role| role == Role::Clerk.as_str());
    let unsaid = oidc.centre_claim.is_empty() && oidc.create_accounts && comes;
    unsaid.then(|| found(part, Health::Warning, "centre-claim", &[]))
}

/// Whether a mail that alarms would reach nobody: such mails go to administrators who have an address.
fn nobody_told(people: &[StaffRecord]) -> Option<Finding> {
    let part = "alarms";
    let mut known = people
        .iter()
        .filter(|person| person.role == Role::Administrator && person.disabled_at.is_none())
        .peekable();
    let name = match known.peek() {
        None => "no-administrator",
        Some(_) => "no-alarm",
    };
    let reached = known.any(|person| person.email.is_some());
    (!reached).then(|| found(part, Health::Warning, name, &[]))
}

/// Whether somebody has been trying codes of many customers.
pub(super) async fn guessing(instance: &Instance) -> Option<Finding> {
    let part = "codes";
    let until = instance.store.guessed_until(jiff::Timestamp::now()).await;
    match until.map_err(Failure::from) {
        Ok(until) => until.map(guessed),
        Err(failure) => Some(broken(part, &failure)),
    }
}

fn guessed(until: jiff::Timestamp) -> Finding {
    let until = until.strftime("%Y-%m-%d %H:%M UTC");
    found("codes", Health::Warning, "guessed", &[("until", &until)])
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use kvit_billing::{Language, Secret};
    use kvit_store::StaffEmail;
    use kvit_web::FindingTexts;

    use super::*;

    fn person(login: &str, role: Role) -> StaffRecord {
        StaffRecord {
            login: login.parse().expect("a login"),
            name: login.to_owned(),
            role,
            centre: None,
            password: Secret::new("$argon2id$x".to_owned()),
            temporary: false,
            second_factor: true,
            totp_generation: 1,
            identity: None,
            email: None,
            created_at: Timestamp::UNIX_EPOCH,
            disabled_at: None,
        }
    }

    fn reached(login: &str, role: Role) -> StaffRecord {
        StaffRecord {
            email: Some(StaffEmail {
                address: Secret::new(format!("{login}@primer.bg")),
                language: Language::Bg,
            }),
            ..person(login, role)
        }
    }

    fn closed(of: StaffRecord) -> StaffRecord {
        StaffRecord {
            disabled_at: Some(Timestamp::UNIX_EPOCH),
            ..of
        }
    }

    /// What is warned of, in a language.
    fn words(found: Option<Finding>, language: Language) -> Option<String> {
        let texts = FindingTexts::new(language).expect("well-formed");
        found.map(|found| {
            assert_eq!(found.health, Health::Warning);
            texts.check(&found.said)
        })
    }

    #[test]
    fn alarms_that_would_reach_no_administrator_are_told() {
        let told = |people: &[StaffRecord]| words(nobody_told(people), Language::En);
        let administrator = Role::Administrator;
        let alone = [
            person("ada", administrator),
            reached("ana", Role::Agent),
            closed(reached("eva", administrator)),
        ];
        let text = told(&alone).expect("nobody of them is written to");
        for part in ["no administrator has an e-mail address", "/staff/people"] {
            assert!(text.contains(part), "{text}");
        }
        let text = words(nobody_told(&alone), Language::Bg).expect("in Bulgarian too");
        assert!(text.contains("никой администратор"), "{text}");
        let none = told(&[reached("ana", Role::Agent)]).expect("nor is there anybody");
        assert!(none.contains("kvit staff add"), "{none}");
        let two = [person("ada", administrator), reached("eva", administrator)];
        assert_eq!(told(&two), None);
    }

    #[test]
    fn clerks_without_a_centre_are_named_and_those_to_come_told_of() {
        let mut oidc = OidcConfig::default();
        let told = |people: &[StaffRecord], oidc: &OidcConfig| {
            words(without_centre(people, oidc), Language::En)
        };
        let at_a_desk = StaffRecord {
            centre: Some("Русе".to_owned()),
            ..person("eva", Role::Clerk)
        };
        let people = [
            at_a_desk.clone(),
            person("iva", Role::Clerk),
            person("ana", Role::Agent),
            closed(person("ina", Role::Clerk)),
        ];
        let text = told(&people, &oidc).expect("one has none");
        assert!(
            text.starts_with("clerks without a service centre: iva."),
            "{text}"
        );
        assert_eq!(told(std::slice::from_ref(&at_a_desk), &oidc), None);
        oidc.roles.insert("desks".to_owned(), "clerk".to_owned());
        let text = told(std::slice::from_ref(&at_a_desk), &oidc).expect("new ones come without");
        assert!(text.contains("centre_claim = \"centre\""), "{text}");
        oidc.centre_claim = "centre".to_owned();
        assert_eq!(told(&[at_a_desk], &oidc), None);
    }

    #[test]
    fn guessed_codes_are_told_with_the_end_of_the_slow_down() {
        let until = "2026-11-20T09:45:30Z".parse().expect("a time");
        let text = words(Some(guessed(until)), Language::En).expect("it is told");
        for part in ["2026-11-20 09:45 UTC", "block the sources at the proxy"] {
            assert!(text.contains(part), "{text}");
        }
    }
}
