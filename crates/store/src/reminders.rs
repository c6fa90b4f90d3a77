//! Reminders: which bills are to be decided about, what was decided, and what customers want.

use std::collections::HashSet;

use jiff::{Timestamp, civil::Date};
use kvit_billing::{Cents, CustomerNumber, ReminderKind, Secret, code::TokenHash};

use crate::{
    DeliveryJob, Event, MailChoice, MailTopic, NewReminder, OpenBill, ReminderDoor, ReminderLink,
    ReminderStretch, Store, StoreError, Unwanted,
    audit::append,
    contents::contents,
    debits,
    deliveries::{readdress, withdraw},
    engine::{Target, Tx},
    enrolments::active,
    ledger::{dues, moneys, standings},
    payments::on_their_way,
    rows::{self, BILL_COLUMNS, corrupt, json, language, text, time},
    sql::{ROWS_MAX, query},
};

impl Store {
    /// The next stretch of bills about which a kind of reminder is undecided, by their last day to pay,
    /// `oldest` to `newest`, at most 250. `None` where all is decided. Of a kind that is new here only
    /// `newest` counts: what was due before it was nobody's to remind of.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn bills_to_remind(
        &self,
        kind: ReminderKind,
        oldest: Date,
        newest: Date,
        now: Timestamp,
        limit: usize,
    ) -> Result<Option<ReminderStretch>, StoreError> {
        let row = query("SELECT due_date, number FROM reminder_rounds WHERE kind = $1")
            .bind(kind.to_string())
            .fetch_optional(&self.pools)
            .await?;
        let before = match &row {
            Some(row) => Some((text::<Date>(row, "due_date")?, row.get::<i64>("number")?)),
            None => None,
        };
        let (day, last) = before.map_or((newest, 0), |before| before.max((oldest, 0)));
        let found = query(format!("SELECT {BILL_COLUMNS} FROM bills b WHERE (b.due_date, b.number) > ($1, $2) AND b.due_date <= $3 ORDER BY b.due_date, b.number LIMIT $4"))
            .bind(day)
            .bind(last)
            .bind(newest)
            .bind(limit.min(ROWS_MAX))
            .fetch_all(&self.pools)
            .await?;
        let bills = found
            .iter()
            .map(rows::bill)
            .collect::<Result<Vec<_>, _>>()?;
        let after = match bills.last() {
            Some(end) => (end.due_date, end.number.get().cast_signed()),
            // So that whatever is issued from now on counts, also if nobody looks for days.
            None if before.is_none() => (newest, 0),
            None => return Ok(None),
        };
        if bills.is_empty() {
            let open = Vec::new();
            return Ok(Some(ReminderStretch {
                kind,
                before,
                after,
                open,
            }));
        }
        let mut accounts: Vec<_> = bills.iter().map(|bill| bill.account.clone()).collect();
        accounts.sort();
        accounts.dedup();
        let active = active(&self.pools, &accounts).await?;
        let silent = unwanting(&self.pools, &accounts, MailTopic::Reminders).await?;
        let wanted =
            |account: &CustomerNumber| active.contains_key(account) && !silent.contains(account);
        accounts.retain(wanted);
        let mut open = Vec::new();
        if !accounts.is_empty() {
            let dues = dues(&self.pools, &accounts, now).await?;
            let moneys = moneys(&self.pools, &accounts, now, None).await?;
            let standings = standings(&dues, &moneys);
            let mine: Vec<_> = bills.iter().filter(|bill| wanted(&bill.account)).collect();
            let mut coming = on_their_way(&self.pools, &mine, now).await?;
            coming.extend(debits::coming(&self.pools, &mine, now).await?);
            for bill in mine {
                let owed = standings
                    .get(&bill.account)
                    .and_then(|standing| standing.bill(bill.number));
                let owes = owed.is_some_and(|owed| owed.open > Cents::ZERO);
                if let Some(enrolment) = active.get(&bill.account)
                    && owes
                    && !coming.contains(&bill.number)
                {
                    open.push(OpenBill {
                        bill: bill.clone(),
                        enrolment: enrolment.clone(),
                    });
                }
            }
        }
        Ok(Some(ReminderStretch {
            kind,
            before,
            after,
            open,
        }))
    }

    /// Decides about a stretch: queues its reminders, or writes down that they were missed, and moves on.
    /// `false`, and nothing is done, where somebody else decided meanwhile.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn plan_reminders(
        &self,
        stretch: &ReminderStretch,
        new: &[NewReminder],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        if !move_on(&mut tx, stretch).await? {
            return Ok(false);
        }
        if !new.is_empty() {
            query("INSERT INTO deliveries (id, enrolment, reminds, account, channel, email, language, due_at, token, state, next_attempt_at) {rows} ON CONFLICT DO NOTHING")
                .rows(new.iter().map(|new| {
                    let to = &new.enrolment;
                    [
                        (&new.id).into(),
                        (&to.id).into(),
                        new.bill.into(),
                        (&to.account).into(),
                        "email".into(),
                        to.email.expose().into(),
                        to.language.into(),
                        new.due_at.into(),
                        (&new.token).into(),
                        if new.missed { "withdrawn" } else { "queued" }.into(),
                        now.into(),
                    ]
                }))
                .execute(&mut tx)
                .await?;
        }
        let missed: Vec<_> = new.iter().filter(|new| new.missed).collect();
        if !missed.is_empty() {
            query("INSERT INTO attempts (delivery, no, outcome, at, reply) {rows} ON CONFLICT DO NOTHING")
                .rows(missed.into_iter().map(|new| {
                    let why = Unwanted::Late.as_str();
                    [(&new.id).into(), 0_u64.into(), "withdrawn".into(), now.into(), why.into()]
                }))
                .execute(&mut tx)
                .await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Looks once more, right before a claimed reminder is sent, whether it still is to be: in one
    /// transaction with what is done where it is not. Gives the job as it is now; `None` where it is
    /// withdrawn, put off, or another claim's.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn recheck_reminder(
        &self,
        job: &DeliveryJob,
        door: ReminderDoor,
        now: Timestamp,
    ) -> Result<Option<DeliveryJob>, StoreError> {
        let mut tx = self.begin().await?;
        let row = query("SELECT t.id, t.bill, t.enrolment, t.entry, t.reminds, t.reader, t.copies, t.account, t.email, t.language, t.attempts, t.possibly_twice, t.due_at FROM deliveries t WHERE t.id = $1 AND t.state = 'sending' AND t.attempts = $2")
            .bind(&job.id)
            .bind(job.attempts)
            .for_update()
            .fetch_all(&mut tx)
            .await?;
        let Some(mut found) = contents(&mut tx, &row, now).await?.pop() else {
            return Ok(None);
        };
        if door == ReminderDoor::Shut {
            found.unwanted.get_or_insert(Unwanted::Off);
        }
        if found.unwanted.is_some() {
            withdraw(&mut tx, &[found], now).await?;
            tx.commit().await?;
            return Ok(None);
        }
        if let ReminderDoor::Until(next) = door {
            query("UPDATE deliveries SET state = 'queued', worker = NULL, lease_until = NULL, next_attempt_at = $2 WHERE id = $1")
                .bind(&job.id)
                .bind(next)
                .execute(&mut tx)
                .await?;
            tx.commit().await?;
            return Ok(None);
        }
        readdress(&mut tx, &found).await?;
        tx.commit().await?;
        Ok(Some(found.job))
    }

    /// How many reminders wait in the queue to be sent now, counted up to `most`. Those that a server put off do not
    /// count: one that is out of order for a day must not hold up everybody's.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn reminders_waiting(
        &self,
        most: usize,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        let row = query("SELECT COUNT(*) AS waiting FROM (SELECT 1 FROM deliveries WHERE state = 'queued' AND reminds IS NOT NULL AND next_attempt_at <= $2 LIMIT $1) w")
            .bind(most)
            .bind(now)
            .fetch_one(&self.pools)
            .await?;
        let waiting: i64 = row.get("waiting")?;
        usize::try_from(waiting).map_err(|_| corrupt("count", waiting))
    }

    /// The reminder that a link belongs to.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn reminder_link(
        &self,
        hash: &TokenHash,
    ) -> Result<Option<ReminderLink>, StoreError> {
        let row = query("SELECT id, account, email, language FROM deliveries WHERE token = $1 AND reminds IS NOT NULL")
            .bind(hash)
            .fetch_optional(&self.pools)
            .await?;
        row.map(|row| {
            Ok(ReminderLink {
                id: text(&row, "id")?,
                account: text(&row, "account")?,
                email: Secret::new(row.get("email")?),
                language: language(&row, "language")?,
            })
        })
        .transpose()
    }

    /// Whether a customer wants these mails. Who said nothing does.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn wants_mails(
        &self,
        account: &CustomerNumber,
        about: MailTopic,
    ) -> Result<bool, StoreError> {
        let silent = unwanting(&self.pools, std::slice::from_ref(account), about).await?;
        Ok(silent.is_empty())
    }

    /// Writes down that a customer wants these mails, or does not; and in the trail, where somebody of staff did it for
    /// them. `false` where that was so already.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn choose_mails(
        &self,
        account: &CustomerNumber,
        (about, wanted): (MailTopic, bool),
        at: Timestamp,
        evidence: &serde_json::Value,
        event: Option<&Event>,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        tx.turn(&format!("reminders/{account}")).await?;
        let silent = unwanting(&mut tx, std::slice::from_ref(account), about).await?;
        if silent.is_empty() == wanted {
            return Ok(false);
        }
        query("INSERT INTO reminder_choices (account, no, wanted, at, evidence, about) SELECT $1, COALESCE(MAX(no), 0) + 1, $2, $3, $4, $5 FROM reminder_choices WHERE account = $1")
            .bind(account)
            .bind(wanted)
            .bind(at)
            .bind(evidence)
            .bind(about.as_str())
            .execute(&mut tx)
            .await?;
        if let Some(event) = event {
            append(&mut tx, event).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    /// What a customer said about mails, newest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn mail_choices(
        &self,
        account: &CustomerNumber,
        limit: u32,
    ) -> Result<Vec<MailChoice>, StoreError> {
        query("SELECT * FROM reminder_choices WHERE account = $1 ORDER BY no DESC LIMIT $2")
            .bind(account)
            .bind(limit)
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(|row| {
                let about: String = row.get("about")?;
                Ok(MailChoice {
                    about: MailTopic::parse(&about).ok_or_else(|| corrupt("topic", about))?,
                    wanted: row.get::<i64>("wanted")? != 0,
                    at: time(row, "at")?,
                    evidence: json(row, "evidence")?.unwrap_or_default(),
                })
            })
            .collect()
    }
}

/// Moves the place up to which a kind was decided, unless it is another than the stretch began at.
async fn move_on(tx: &mut Tx, stretch: &ReminderStretch) -> Result<bool, StoreError> {
    let (day, last) = stretch.after;
    let moved = match stretch.before {
        Some((from, number)) => query("UPDATE reminder_rounds SET due_date = $2, number = $3 WHERE kind = $1 AND due_date = $4 AND number = $5")
            .bind(stretch.kind.to_string())
            .bind(day)
            .bind(last)
            .bind(from)
            .bind(number)
            .execute(tx)
            .await?,
        None => query("INSERT INTO reminder_rounds (kind, due_date, number) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
            .bind(stretch.kind.to_string())
            .bind(day)
            .bind(last)
            .execute(tx)
            .await?,
    };
    Ok(moved == 1)
}

/// Those of at most 250 customers, at least one, who want no such mails.
pub(crate) async fn unwanting(
    on: impl Target,
    accounts: &[CustomerNumber],
    about: MailTopic,
) -> Result<HashSet<CustomerNumber>, StoreError> {
    let about = about.as_str();
    query(format!("SELECT c.account FROM reminder_choices c WHERE c.account IN ({{rows}}) AND c.about = '{about}' AND c.wanted = 0 AND NOT EXISTS (SELECT 1 FROM reminder_choices n WHERE n.account = c.account AND n.about = c.about AND n.no > c.no)"))
        .rows(accounts.iter().map(|account| [account.into()]))
        .fetch_all(on)
        .await?
        .iter()
        .map(|row| text(row, "account"))
        .collect()
}
