//! A PDF back to who sealed it, and whether a byte has changed since.

use std::ops::Range;

use aws_lc_rs::digest::{Context, SHA256};
use jiff::{Timestamp, civil::DateTime, tz::Offset};
use kvit_pdf::{Damage, Dict, File, Id, Text, Value};

use crate::{
    TrustRoots,
    signature::{self, Signer},
    verdict::{Note, Problem, Seal, Verdict},
};

/// The longest signature that is read, in bytes, its padding not counted: a chain of six certificates
/// fits. The DER reader sorts sets in time that grows with the square of their length.
const SIGNATURE_BYTES_MAX: usize = 16 << 10;
/// Form fields that are looked at.
const FIELDS_MAX: usize = 10_000;
/// How far the sealer's clock may be ahead before it is worth a note, in seconds.
const CLOCK_AHEAD_S: i64 = 300;

/// Judges any bytes whatever. `now` decides only whether certificates have ended since.
///
/// A file is genuine when it has exactly one signature, PAdES by its form, over every byte but the
/// signature itself, certifying the file against all changes, by a certificate that led to one of
/// `roots` at the time that the seal claims. Revocation is not looked up.
#[must_use]
pub fn verify(bytes: &[u8], roots: &TrustRoots, now: Timestamp) -> Verdict {
    let opened = File::open(bytes).and_then(|file| {
        let found = Found::in_file(&file)?;
        Ok((file, found))
    });
    let mut problems = Vec::new();
    match opened {
        Err(Damage { at, what }) => {
            problems.push(Problem::Damaged { at, what });
            Verdict::new(None, problems, Vec::new())
        }
        Ok((file, _)) if file.trailer().get("Encrypt").is_some() => {
            Verdict::new(None, vec![Problem::Encrypted], Vec::new())
        }
        Ok((_, found)) => match found.signature {
            Some(signature) => {
                problems.extend(found.problems);
                judge(bytes, &signature, roots, now, problems)
            }
            None => {
                let trace = b"/ByteRange";
                let traces = bytes.windows(trace.len()).any(|window| window == trace);
                problems.push(if traces {
                    Problem::LostSeal
                } else {
                    Problem::NoSeal
                });
                Verdict::new(None, problems, Vec::new())
            }
        },
    }
}

/// The signature that a file's form leads to.
struct Found {
    signature: Option<Dict>,
    problems: Vec<Problem>,
}

impl Found {
    fn in_file(file: &File<'_>) -> Result<Self, Damage> {
        let root = file.dict(file.trailer(), "Root")?;
        let root = root.ok_or(Damage::new(0, "the catalog is missing"))?;
        let mut signatures = Vec::new();
        if let Some(form) = file.dict(&root, "AcroForm")? {
            signatures = signed_fields(file, file.array(&form, "Fields")?)?;
        }
        let mut problems = Vec::new();
        if signatures.len() > 1 {
            problems.push(Problem::Several(signatures.len()));
        }
        let permissions = file.dict(&root, "Perms")?.unwrap_or_default();
        let certifying = permissions.reference("DocMDP");
        if permissions.iter().any(|(key, _)| key != b"DocMDP") {
            problems.push(Problem::Certification(
                "the catalog grants other permissions too",
            ));
        }
        // Of several signatures, the one that certifies is the seal.
        let chosen = match certifying {
            Some(id) if signatures.contains(&id) => Some(id),
            _ => {
                problems.push(Problem::Certification(
                    "the catalog does not name it as certifying",
                ));
                signatures.first().copied()
            }
        };
        let mut signature = None;
        if let Some(id) = chosen {
            if !file.lies_open(id) {
                return Err(Damage::new(0, "the signature lies inside of a stream"));
            }
            if let Value::Dict(dict) = file.resolve(&Value::Reference(id))? {
                signature = Some(dict);
            }
        }
        Ok(Self {
            signature,
            problems,
        })
    }
}

/// The signatures in signature fields (ISO 32000-2, 12.7.5.5).
fn signed_fields(file: &File<'_>, fields: Vec<Value>) -> Result<Vec<Id>, Damage> {
    let mut waiting: Vec<(Value, bool)> = fields.into_iter().map(|field| (field, false)).collect();
    let mut found = Vec::new();
    let mut seen = 0;
    while let Some((field, inherited)) = waiting.pop() {
        seen += 1;
        if seen > FIELDS_MAX {
            return Err(Damage::new(0, "the form has too many fields"));
        }
        let Value::Dict(field) = file.resolve(&field)? else {
            continue;
        };
        let signs = match field.name("FT") {
            Some(kind) => kind == b"Sig",
            None => inherited,
        };
        match field.get("V") {
            Some(Value::Reference(id)) if signs && !found.contains(id) => found.push(*id),
            Some(Value::Dict(_)) if signs => {
                return Err(Damage::new(0, "the signature is not an object of its own"));
            }
            _ => {}
        }
        waiting.extend(
            file.array(&field, "Kids")?
                .into_iter()
                .map(|kid| (kid, signs)),
        );
    }
    Ok(found)
}

fn judge(
    bytes: &[u8],
    dict: &Dict,
    roots: &TrustRoots,
    now: Timestamp,
    mut problems: Vec<Problem>,
) -> Verdict {
    form(dict, &mut problems);
    let certification = certification(dict, &mut problems);
    let claimed_time = dict.text("M").and_then(moment);
    if claimed_time.is_none() {
        problems.push(Problem::Form("it does not say when it was made"));
    }
    let Some(contents) = dict.text("Contents") else {
        problems.push(Problem::Seal("it is empty"));
        return Verdict::new(None, problems, Vec::new());
    };
    contents_form(bytes, contents, &mut problems);
    let Some(digest) = covered(bytes, dict, &contents.span, &mut problems) else {
        return Verdict::new(None, problems, Vec::new());
    };
    let length = contents.bytes.iter().rposition(|byte| *byte != 0);
    if length.is_some_and(|last| last >= SIGNATURE_BYTES_MAX) {
        problems.push(Problem::Seal("it is far too long"));
        return Verdict::new(None, problems, Vec::new());
    }
    let Some(signer) = signature::check(&contents.bytes, &digest, &mut problems) else {
        return Verdict::new(None, problems, Vec::new());
    };
    let mut notes = Vec::new();
    if let Some(at) = claimed_time {
        trust(&signer, roots, at, now, &mut problems, &mut notes);
    }
    let Signer { certificate, .. } = signer;
    let seal = Seal {
        by: certificate.subject(),
        issued_by: certificate.issuer(),
        serial: certificate.serial(),
        valid_from: certificate.not_before(),
        valid_until: certificate.not_after(),
        claimed_time,
        key: certificate.public_key().to_string(),
        certification,
    };
    Verdict::new(Some(seal), problems, notes)
}

/// Rules of EN 319 142-1, 6.3, on the signature dictionary.
fn form(dict: &Dict, problems: &mut Vec<Problem>) {
    if dict.name("SubFilter") != Some(b"ETSI.CAdES.detached") {
        problems.push(Problem::Form("its SubFilter is not ETSI.CAdES.detached"));
    }
    if dict.get("Cert").is_some() {
        problems.push(Problem::Form("its dictionary has a Cert entry"));
    }
}

/// The level of certification (ISO 32000-2, 12.8.2.2), which must be 1.
fn certification(dict: &Dict, problems: &mut Vec<Problem>) -> Option<u8> {
    let references = dict.array("Reference").unwrap_or_default();
    let reference = references.iter().find_map(|item| match item {
        Value::Dict(item) if item.name("TransformMethod") == Some(b"DocMDP") => Some(item),
        _ => None,
    });
    let level = reference.map(|reference| {
        let parameters = reference.dict("TransformParams");
        // 2 is what counts where nothing is said (table 257).
        parameters.and_then(|p| p.integer("P")).unwrap_or(2)
    });
    match level {
        None => problems.push(Problem::Certification("it is an ordinary signature")),
        Some(1) => {}
        Some(_) => problems.push(Problem::Certification(
            "it allows form fields or notes to change",
        )),
    }
    level.and_then(|level| u8::try_from(level).ok())
}

/// The hexadecimal string as our sealer writes it: no space, an even count, all letters of one case.
/// Otherwise a letter's case could be changed without a trace.
fn contents_form(bytes: &[u8], contents: &Text, problems: &mut Vec<Problem>) {
    let inner = contents.span.start + 1..contents.span.end - 1;
    let written = bytes.get(inner).unwrap_or_default();
    let upper = written.iter().any(u8::is_ascii_uppercase);
    let lower = written.iter().any(u8::is_ascii_lowercase);
    if !contents.hexadecimal
        || written.len() % 2 != 0
        || !written.iter().all(u8::is_ascii_hexdigit)
        || (upper && lower)
    {
        problems.push(Problem::Seal(
            "it is not written as one even hexadecimal string",
        ));
    }
}

/// SHA-256 over what `/ByteRange` names, which must be everything but `/Contents`.
fn covered(
    bytes: &[u8],
    dict: &Dict,
    gap: &Range<usize>,
    problems: &mut Vec<Problem>,
) -> Option<Vec<u8>> {
    let number = |item: &Value| usize::try_from(item.as_integer()?).ok();
    let numbers = dict.array("ByteRange").and_then(|items| {
        let numbers = items.iter().map(number);
        numbers.collect::<Option<Vec<_>>>()
    });
    let Some([start, first, second, rest]) = numbers.as_deref() else {
        problems.push(Problem::Coverage("its ByteRange is missing or broken"));
        return None;
    };
    let end = second.checked_add(*rest).filter(|end| *end <= bytes.len());
    let Some(end) = end.filter(|_| *start == 0 && first <= second) else {
        problems.push(Problem::Coverage("its ByteRange does not fit the file"));
        return None;
    };
    if gap.start != *first || gap.end != *second {
        problems.push(Problem::Coverage("it leaves out more than itself"));
    }
    if end < bytes.len() {
        problems.push(Problem::Added {
            bytes: bytes.len() - end,
        });
    }
    let mut hash = Context::new(&SHA256);
    hash.update(&bytes[..*first]);
    hash.update(&bytes[*second..end]);
    Some(hash.finish().as_ref().to_vec())
}

fn trust(
    signer: &Signer,
    roots: &TrustRoots,
    at: Timestamp,
    now: Timestamp,
    problems: &mut Vec<Problem>,
    notes: &mut Vec<Note>,
) {
    let judge = |moment| roots.judge(&signer.certificate, &signer.others, moment);
    if let Err(problem) = judge(at) {
        return problems.push(problem);
    }
    if at.as_second().saturating_sub(now.as_second()) > CLOCK_AHEAD_S {
        return notes.push(Note::FutureTime);
    }
    match judge(now) {
        Err(Problem::Expired { on }) => notes.push(Note::CertificateEnded(on)),
        Err(_) => notes.push(Note::ChainEnded),
        Ok(()) => {}
    }
}

/// A date of ISO 32000-2, 7.9.4, down to the second: `D:YYYYMMDDHHmmSS` with `Z` or `+HH'mm`.
fn moment(text: &Text) -> Option<Timestamp> {
    let written = std::str::from_utf8(&text.bytes).ok()?.strip_prefix("D:")?;
    let (digits, zone) = written.split_at_checked(14)?;
    let field = |range: Range<usize>| {
        let part = digits.get(range)?;
        part.bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| part.parse::<i16>().ok())?
    };
    let small = |range: Range<usize>| i8::try_from(field(range)?).ok();
    let local = DateTime::new(
        field(0..4)?,
        small(4..6)?,
        small(6..8)?,
        small(8..10)?,
        small(10..12)?,
        small(12..14)?,
        0,
    )
    .ok()?;
    offset(zone)?.to_timestamp(local).ok()
}

fn offset(zone: &str) -> Option<Offset> {
    if matches!(zone, "" | "Z" | "Z00'00" | "Z00'00'") {
        return Some(Offset::UTC);
    }
    let sign = match zone.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = zone.get(1..)?.split_once('\'')?;
    let hours: u8 = hours.parse().ok().filter(|hours| *hours < 24)?;
    let minutes = minutes.trim_end_matches('\'');
    let minutes: u8 = if minutes.is_empty() {
        0
    } else {
        minutes.parse().ok().filter(|minutes| *minutes < 60)?
    };
    Offset::from_seconds(sign * (i32::from(hours) * 3600 + i32::from(minutes) * 60)).ok()
}
