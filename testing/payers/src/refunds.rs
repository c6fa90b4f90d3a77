//! Money that the portal asks to be given back: what a person decides about the next request, and what was done.

use axum::{
    Form,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};

use crate::{
    Payers, Shared,
    epay::Pairs,
    pages::{back, escaped, field},
};

/// What becomes of a refund that is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    /// The money goes back, where it was paid and is not back already.
    #[default]
    Give,
    /// It does not.
    Refuse,
    /// It goes back, and the answer gets lost.
    Lose,
    /// It does not, and nothing is answered.
    Drop,
}

const MOODS: [(Mood, &str, &str); 4] = [
    (Mood::Give, "give", "Given back"),
    (Mood::Refuse, "refuse", "Refused"),
    (Mood::Lose, "lose", "Given back, and the answer gets lost"),
    (Mood::Drop, "drop", "Lost on its way"),
];

/// A refund that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Given {
    pub house: &'static str,
    /// The portal's name for it, or for the payment.
    pub name: String,
    /// The transaction that is given back.
    pub reference: String,
    /// In euro, as it was asked for.
    pub amount: String,
    /// The house's own name for it; none where it was refused.
    pub trace: Option<String>,
}

/// All of them, and what becomes of the next.
#[derive(Default)]
pub(crate) struct Refunds {
    pub(crate) next: Mood,
    pub(crate) all: Vec<Given>,
}

impl Refunds {
    /// In cents, of one transaction.
    fn given_of(&self, house: &str, reference: &str) -> u64 {
        let of =
            |one: &&Given| one.house == house && one.reference == reference && one.trace.is_some();
        let given = self.all.iter().filter(of);
        given.filter_map(|one| cents(&one.amount)).sum()
    }
}

/// Decides about a refund of a transaction of which `paid` came. The second part says that no answer arrives.
pub(crate) fn decide(payers: &Payers, mut asked: Given, paid: Option<&str>) -> (Given, bool) {
    let number = payers.next();
    let mut desk = payers.desk();
    let mood = std::mem::take(&mut desk.refunds.next);
    let all = paid.and_then(cents).unwrap_or_default();
    let fits = cents(&asked.amount).is_some_and(|part| {
        part > 0 && desk.refunds.given_of(asked.house, &asked.reference) + part <= all
    });
    if fits && matches!(mood, Mood::Give | Mood::Lose) {
        asked.trace = Some(format!("R{number:015}"));
    }
    if mood != Mood::Drop {
        desk.refunds.all.push(asked.clone());
    }
    (asked, matches!(mood, Mood::Lose | Mood::Drop))
}

/// What whoever asks gets to see where no answer arrives.
pub(crate) fn lost() -> Response {
    (StatusCode::GATEWAY_TIMEOUT, "no answer\n").into_response()
}

/// Whole euro with two digits, as cents.
pub(crate) fn cents(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "00"));
    let part: u64 = part.parse().ok().filter(|_| part.len() == 2)?;
    whole
        .parse::<u64>()
        .ok()?
        .checked_mul(100)?
        .checked_add(part)
}

/// A person decides about the next one.
pub(crate) async fn choose(State(payers): State<Shared>, Form(pairs): Form<Pairs>) -> Response {
    let wanted = field(&pairs, "do");
    if let Some((mood, ..)) = MOODS.iter().find(|(_, word, _)| *word == wanted) {
        payers.next_refund(*mood);
    }
    back("/")
}

/// What the page of all payment systems shows.
pub(crate) fn shown(payers: &Payers) -> String {
    let desk = payers.desk();
    let rows: String = desk
        .refunds
        .all
        .iter()
        .rev()
        .map(|one| {
            let became = match &one.trace {
                Some(trace) => format!("given back as {}", escaped(trace)),
                None => "refused".to_owned(),
            };
            let (house, name) = (escaped(one.house), escaped(&one.name));
            format!(
                "<li>{house}: {} EUR for {name}, {became}</li>",
                escaped(&one.amount)
            )
        })
        .collect();
    let rows = if rows.is_empty() {
        "<p>Nothing was asked back yet.</p>".to_owned()
    } else {
        format!("<ul>{rows}</ul>")
    };
    let buttons: String = MOODS
        .iter()
        .map(|(mood, word, text)| {
            let now = if *mood == desk.refunds.next {
                " aria-pressed=\"true\""
            } else {
                ""
            };
            format!("<button name=\"do\" value=\"{word}\"{now}>{text}</button>")
        })
        .collect();
    format!(
        "<h2>Refunds</h2>{rows}<p>The next one that is asked for will be:</p><form method=\"post\" action=\"/refunds\">{buttons}</form>"
    )
}
