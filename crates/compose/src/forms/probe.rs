//! Probe values: texts that are recognised again in an exported file, and numbers that no others
//! resemble. The bill for which a form is made is a probe too: what the others showed has to hold for it.

use serde_json::{Value, json};

use crate::forms::{
    form::Part,
    leaves::{Kind, Limit, with_leaves},
};

/// Begins each probe text; three digits follow, the leaf's place. No word of a bill has this letter
/// before three digits.
pub(crate) const MARK: char = 'ѝ';
/// More leaves than this, and probes could not be told apart.
pub(crate) const LEAVES_MAX: usize = 999;

/// What the probes of one export hold.
pub(crate) struct Probe {
    pub(crate) view: Value,
    pub(crate) texts: Vec<String>,
    pub(crate) shares: Vec<Option<f64>>,
    /// Whether it is the bill itself.
    pub(crate) is_real: bool,
}

impl Probe {
    /// The bill itself, with what its leaves hold.
    pub(crate) fn itself(view: &Value) -> Self {
        let (mut texts, mut shares) = (Vec::new(), Vec::new());
        with_leaves(view, &mut |_, _, value| {
            texts.push(value.as_str().unwrap_or_default().to_owned());
            shares.push(value.as_f64());
            value.clone()
        });
        Self {
            view: view.clone(),
            texts,
            shares,
            is_real: true,
        }
    }

    /// Whether these words and leaves are that text here.
    pub(crate) fn shows(&self, text: &str, parts: &[Part]) -> bool {
        let mut rest = Some(text);
        for part in parts {
            let shown = match part {
                Part::Words(words) => Some(words),
                Part::Leaf(leaf) => self.texts.get(*leaf),
            };
            rest = rest.and_then(|rest| rest.strip_prefix(shown?.as_str()));
        }
        rest == Some("")
    }
}

/// A probe of a bill's shape: in round 0 with short texts, in round 1 with texts as long as they may get times
/// `reach`, in round 2 with texts in between.
pub(crate) fn probe(view: &Value, round: usize, reach: f64) -> Probe {
    let (mut texts, mut shares) = (Vec::new(), Vec::new());
    let mut count = 0;
    with_leaves(view, &mut |_, kind, value| {
        count += usize::from(matches!(kind, Kind::Part));
        value.clone()
    });
    let mut next = 0;
    let view = with_leaves(view, &mut |place, kind, value| {
        let (mut text, mut share) = (String::new(), None);
        let changed = match kind {
            Kind::Text(limit) => {
                text = probe_text(place, round, limit, reach);
                Value::String(text.clone())
            }
            Kind::Share | Kind::Part => {
                let number = match kind {
                    Kind::Part => {
                        next += 1;
                        probe_part(next - 1, count, round)
                    }
                    _ => probe_share(place, round),
                };
                share = Some(number);
                json!(number)
            }
            Kind::Pixels => marked(value, place, round),
        };
        texts.push(text);
        shares.push(share);
        changed
    });
    Probe {
        view,
        texts,
        shares,
        is_real: false,
    }
}

fn probe_text(place: usize, round: usize, limit: Limit, reach: f64) -> String {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss
    )]
    let long = (limit.chars_max as f64 * reach) as usize;
    let length = match round {
        0 => 4,
        1 => long.max(5),
        _ => 4 + long.saturating_sub(4) / 2,
    };
    let mut text = format!("{MARK}{place:03}");
    while text.chars().count() < length {
        let at = text.chars().count();
        // Words are narrower than figures of one width.
        text.push(match (limit.has_spaces, at % 7) {
            (true, 6) if at + 1 < length => ' ',
            (true, 1 | 3 | 5) => 'F',
            _ => '8',
        });
    }
    text
}

/// Far apart between rounds, so that what follows it is known to the last digit, and each by a step of its own: a
/// number on the page must not seem to follow two shares.
fn probe_share(place: usize, round: usize) -> f64 {
    let (from, to) = [(0.05, 0.25), (0.75, 0.95), (0.3, 0.7)][round];
    rounded(from + (to - from) * noise(place, round))
}

/// Ascending, so that parts of a whole keep their order.
fn probe_part(place: usize, count: usize, round: usize) -> f64 {
    #[allow(clippy::cast_precision_loss)]
    let (at, count) = (place as f64, count as f64);
    let share = (at + 0.1 + 0.8 * noise(place, round)) / (count + 1.0);
    rounded(share * [0.35, 1.0, 0.7][round])
}

/// 0 to 1, without a pattern.
fn noise(place: usize, round: usize) -> f64 {
    #[allow(clippy::cast_precision_loss)]
    let (place, round) = (place as f64, round as f64);
    let noise = (place * 12.989_8 + round * 78.233 + 1.0).sin() * 43_758.545_3;
    noise - noise.floor()
}

fn rounded(share: f64) -> f64 {
    (share * 10_000.0).round() / 10_000.0
}

/// Pixels like those of no other code and no other round: its place in binary, the first pixels dark or
/// light.
fn marked(pixels: &Value, place: usize, round: usize) -> Value {
    let count = pixels.as_array().map_or(0, Vec::len);
    let mark = 4 * place + round + 1;
    let luma = |at: usize| {
        if at < 16 && mark >> at & 1 == 1 {
            0
        } else {
            255
        }
    };
    (0..count).map(luma).collect()
}

/// The text as words and leaves, where each leaf shows as its probe does.
pub(crate) fn template(text: &str, probe: &Probe) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut words = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(MARK) {
        let (before, marked) = rest.split_at(at);
        let digits = marked.get(MARK.len_utf8()..MARK.len_utf8() + 3);
        let leaf: Option<usize> = digits.and_then(|digits| digits.parse().ok());
        words.push_str(before);
        match leaf.and_then(|leaf| Some((leaf, probe.texts.get(leaf)?))) {
            Some((leaf, shown)) => {
                rest = marked.strip_prefix(shown.as_str())?;
                if !words.is_empty() {
                    parts.push(Part::Words(std::mem::take(&mut words)));
                }
                parts.push(Part::Leaf(leaf));
            }
            None => {
                words.push(MARK);
                rest = &marked[MARK.len_utf8()..];
            }
        }
    }
    words.push_str(rest);
    if !words.is_empty() {
        parts.push(Part::Words(words));
    }
    Some(parts)
}

/// The leaves whose probes begin in this text, also in capitals, which an alphabet may not have.
pub(crate) fn leaves_in(text: &str) -> Vec<usize> {
    let text = text.to_lowercase();
    let marks = text.split([MARK, char::REPLACEMENT_CHARACTER]).skip(1);
    marks
        .filter_map(|rest| rest.get(..3)?.parse().ok())
        .collect()
}

/// Whether a template has a leaf at all.
pub(crate) fn has_leaf(parts: &[Part]) -> bool {
    parts.iter().any(|part| matches!(part, Part::Leaf(_)))
}
