//! The list of what people have to look at: read a page at a time, and looked through.

use jiff::Timestamp;
use kvit_billing::Cents;

use crate::{
    Claim, EntryRecord, NoticeFilter, NoticeOutcome, NoticeRecord, Proposal, Settling, Store,
    StoreError, TransferNote,
    engine::Row,
    ledger::entry,
    notices::{optional_number, outcome},
    reconcile::{REST, optional_bill},
    rows::{corrupt, optional, optional_time, text, time, unsigned},
    sql::{ROWS_MAX, query},
};

/// A notice, what of its money is nobody's, and what one person says about it.
fn select() -> String {
    let rest = format!(
        "(SELECT {REST} FROM postings p JOIN journal j ON j.id = p.entry WHERE j.notice = n.id AND p.book = 'unmatched')"
    );
    format!(
        "SELECT n.id, n.provider, n.event, n.payment, n.account, n.bills, n.amount, n.currency, n.received_at, n.repeats, n.applied_at, n.outcome, {rest} AS rest, o.account AS proposed, o.amount AS proposed_amount, o.bill, o.proposed_by, o.proposed_at, s.why AS settle_why, s.proposed_by AS settle_by, s.proposed_at AS settle_at, t.party, t.words, t.info, t.refs, t.booked FROM notices n LEFT JOIN proposals o ON o.notice = n.id AND o.approved_at IS NULL LEFT JOIN settlements s ON s.notice = n.id AND s.approved_at IS NULL LEFT JOIN transfers t ON t.notice = n.id"
    )
}

impl Store {
    /// The latest notices, newest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn notices(&self, limit: usize) -> Result<Vec<NoticeRecord>, StoreError> {
        query(format!(
            "{} ORDER BY n.received_at DESC, n.id LIMIT $1",
            select()
        ))
        .bind(limit)
        .fetch_all(&self.pools)
        .await?
        .iter()
        .map(record)
        .collect()
    }

    /// The notices that a person has to look at, oldest first: what waits longest is never left off.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn notices_for_people(&self, limit: usize) -> Result<Vec<NoticeRecord>, StoreError> {
        self.find_notices_for_people(&NoticeFilter::default(), limit)
            .await
    }

    /// Those of them that are looked for, oldest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn find_notices_for_people(
        &self,
        filter: &NoticeFilter,
        limit: usize,
    ) -> Result<Vec<NoticeRecord>, StoreError> {
        let words = NoticeOutcome::FOR_PEOPLE.map(|outcome| format!("'{}'", outcome.as_str()));
        let mut text = format!(
            "{} WHERE n.outcome IN ({}) AND (n.received_at > $1 OR (n.received_at = $1 AND n.id > $2))",
            select(),
            words.join(", ")
        );
        if filter.wanted.is_some() {
            // What is looked for is a whole customer number, an amount, or a part of the notice's name or of
            // what the bank says. The databases fold Latin letters only, so others are looked for as
            // they are usually written.
            let said = "COALESCE(t.party, '') || ' ' || COALESCE(t.refs, '') || ' ' || COALESCE(t.words, '') || ' ' || COALESCE(t.info, '')";
            let said: Vec<_> = (7..7 + WAYS)
                .map(|at| format!("{said} LIKE ${at} ESCAPE '!'"))
                .collect();
            text.push_str(&format!(
                " AND (LOWER(n.id) LIKE $4 ESCAPE '!' OR n.account = $5 OR o.account = $5 OR n.amount = $6 OR o.amount = $6 OR {})",
                said.join(" OR ")
            ));
        }
        text.push_str(" ORDER BY n.received_at, n.id LIMIT $3");
        let (at, id) = match &filter.after {
            Some((at, id)) => (*at, id.as_str()),
            None => (Timestamp::MIN, ""),
        };
        let mut found = query(text).bind(at).bind(id).bind(limit);
        if let Some(wanted) = &filter.wanted {
            found = found
                .bind(part(&wanted.to_lowercase()))
                .bind(wanted.trim().to_owned())
                .bind(filter.amount);
            for way in ways(wanted.trim()) {
                found = found.bind(part(&way));
            }
        }
        found
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(record)
            .collect()
    }

    /// One notice, whether or not people have to look at it.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn notice(&self, id: &str) -> Result<Option<NoticeRecord>, StoreError> {
        let row = query(format!("{} WHERE n.id = $1", select()))
            .bind(id)
            .fetch_optional(&self.pools)
            .await?;
        row.as_ref().map(record).transpose()
    }

    /// A notice as it came, byte for byte.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn notice_as_received(&self, id: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let row = query("SELECT received FROM notices WHERE id = $1")
            .bind(id)
            .fetch_optional(&self.pools)
            .await?;
        Ok(row.map(|row| row.get("received")).transpose()?)
    }

    /// The money of a notice that went to customers and is still theirs, oldest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn allocations_of(&self, notice: &str) -> Result<Vec<EntryRecord>, StoreError> {
        query("SELECT j.id, j.at, j.kind, j.reverses, j.who, p.book, p.cents, p.bills FROM journal j JOIN postings p ON p.entry = j.id WHERE j.notice = $1 AND j.kind = 'allocation' AND p.book LIKE 'customer/%' AND NOT EXISTS (SELECT 1 FROM journal r WHERE r.reverses = j.id) ORDER BY j.at, j.id LIMIT $2")
            .bind(notice)
            .bind(ROWS_MAX)
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(entry)
            .collect()
    }
}

/// How many [`ways`] there are.
const WAYS: usize = 5;

/// How a payer's name or text may be written that somebody types: as they do, in small letters, in capital
/// ones, each word with one, and without the spaces that a printed reference has.
fn ways(wanted: &str) -> [String; WAYS] {
    let titled: Vec<String> = wanted
        .split(' ')
        .map(|word| {
            let mut letters = word.chars();
            let first = letters.next().map(|first| first.to_uppercase().to_string());
            first.unwrap_or_default() + &letters.as_str().to_lowercase()
        })
        .collect();
    [
        wanted.to_owned(),
        wanted.to_lowercase(),
        wanted.to_uppercase(),
        titled.join(" "),
        wanted.to_uppercase().replace(char::is_whitespace, ""),
    ]
}

/// A pattern that finds this text anywhere, its own wildcards as they are.
fn part(wanted: &str) -> String {
    let mut pattern = String::from("%");
    for c in wanted.trim().chars() {
        if matches!(c, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

fn record(row: &Row) -> Result<NoticeRecord, StoreError> {
    let proposal = match optional(row, "proposed")? {
        Some(account) => Some(Proposal {
            claim: Claim {
                account,
                amount: row.get::<Option<i64>>("proposed_amount")?.map(Cents::new),
                bill: optional_bill(row)?,
            },
            by: row.get("proposed_by")?,
            at: optional_time(row, "proposed_at")?.ok_or_else(|| corrupt("proposed_at", "none"))?,
        }),
        None => None,
    };
    let settling = match row.get::<Option<String>>("settle_why")? {
        Some(why) => Some(Settling {
            why,
            by: row.get("settle_by")?,
            at: optional_time(row, "settle_at")?.ok_or_else(|| corrupt("settle_at", "none"))?,
        }),
        None => None,
    };
    let rest = Cents::new(row.get("rest")?);
    Ok(NoticeRecord {
        id: row.get("id")?,
        provider: text(row, "provider")?,
        event: row.get("event")?,
        payment: optional_number(row)?,
        account: optional(row, "account")?,
        amount: row.get::<Option<i64>>("amount")?.map(Cents::new),
        unmatched: (rest != Cents::ZERO).then_some(rest),
        currency: optional(row, "currency")?,
        received_at: time(row, "received_at")?,
        repeats: unsigned(row, "repeats")?,
        outcome: outcome(row)?,
        proposal,
        settling,
        transfer: transfer(row)?,
    })
}

/// What the bank says, where a statement brought it.
fn transfer(row: &Row) -> Result<Option<TransferNote>, StoreError> {
    let Some(booked) = optional(row, "booked")? else {
        return Ok(None);
    };
    let [refs, words, info]: [String; 3] = [row.get("refs")?, row.get("words")?, row.get("info")?];
    let said = [refs.replace('\n', " "), words];
    let said: Vec<_> = said.into_iter().filter(|text| !text.is_empty()).collect();
    Ok(Some(TransferNote {
        party: row.get("party")?,
        words: if said.is_empty() {
            info
        } else {
            said.join(" ")
        },
        booked,
    }))
}

#[cfg(test)]
mod tests {
    #[test]
    fn wildcards_are_looked_for_as_they_are() {
        assert_eq!(super::part(" A_50%! "), "%A!_50!%!!%");
        let ways = super::ways("стоян RF 12");
        assert_eq!(
            ways,
            [
                "стоян RF 12",
                "стоян rf 12",
                "СТОЯН RF 12",
                "Стоян Rf 12",
                "СТОЯНRF12"
            ]
        );
    }
}
