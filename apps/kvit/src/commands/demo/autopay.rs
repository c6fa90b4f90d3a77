//! Autopay that was turned on some days ago: made-up customers with a mandate and the mails about it, debits of which one
//! was refused by its bank, and a file of the others that waits for another person.

use jiff::{SignedDuration, civil::Date};
use kvit_billing::{Cents, CustomerNumber, ports::Clock};
use kvit_pay::debit::{bank_days_after, end_to_end, file_name};
use kvit_store::{DebitTerms, DebitWord, Give, NewDebit, NewMandate};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{
    Show,
    steps::{IMPORTER, RELEASER, Step},
};
use crate::{
    booking,
    config::Config,
    exit::{Context, Exit, Failure},
    files,
    output::count,
    wiring::SystemClock,
};

/// Nobody's identifier.
const CREDITOR: &str = "BG34ZZZ999900017";
/// Whose bank refuses comes first.
const CUSTOMERS: usize = 5;
/// When they turned it on, and were told of their debits.
const BEFORE: SignedDuration = SignedDuration::from_hours(9 * 24);
/// Accounts of the examples in the books.
const IBANS: [&str; CUSTOMERS] = [
    "BG80BNBG96611020345678",
    "DE89370400440532013000",
    "AT611904300234573201",
    "NL91ABNA0417164300",
    "BE68539007547034",
];
/// Why the bank refuses: for a person to see to.
const REASON: &str = "MS03";

/// What there is to see of autopay.
pub(super) struct Collected {
    /// A customer who has it, with the code.
    pub(super) customer: (CustomerNumber, String),
    /// Their address.
    pub(super) email: String,
    /// The file that waits for approval, and how many are in it.
    pub(super) file: Option<(u64, u64)>,
}

/// Switches it on in the settings.
pub(super) fn configure(config: &mut Config) {
    config.debit.on = true;
    CREDITOR.clone_into(&mut config.debit.creditor);
}

impl Show<'_> {
    /// Some of those with e-bills, behind the one whom the demonstration shows, and the day on which their bill is
    /// collected, which is its last day to pay. The first one is refused.
    pub(super) fn with_autopay(&self) -> Vec<(u32, Date)> {
        let all = 0..self.synth.customers().min(1_000);
        let shown = self.bulgarian(true).unwrap_or(0);
        let others = all.filter(|&i| i != shown && self.wants(i));
        let days = [1, 2, 2, 2, 2].map(|days| bank_days_after(self.today, days));
        others.zip(days).collect()
    }

    /// Mandates, announcements, a file that the bank has, what it says of it, and the next file.
    pub(super) async fn autopay(
        &self,
        worker: &str,
        stop: &CancellationToken,
    ) -> Result<Option<Collected>, Failure> {
        let customers = self.with_autopay();
        let (Some(&(_, first_day)), Some(&(last, last_day))) =
            (customers.first(), customers.last())
        else {
            return Ok(None);
        };
        let step = Step::begin(self.out, "autopay");
        let mut announced = 0;
        for (&(i, day), iban) in customers.iter().zip(IBANS) {
            announced += self.mandate(i, day, iban).await?;
        }
        self.send(worker, stop).await?;
        let store = &self.instance.store;
        let terms = self.terms(first_day)?;
        let sent = self.prepare(&terms).await?;
        if let Some((file, _)) = sent {
            let by = format!("console:{RELEASER}");
            let said = store.approve_debits(file, &terms, (None, None), &by, SystemClock.now());
            if said.await? != DebitWord::Approved {
                return Err(Failure::new(Exit::Failed, "the debits are not approved"));
            }
            self.refused(file).await?;
        }
        let file = self.prepare(&self.terms(last_day)?).await?;
        self.send(worker, stop).await?;
        step.done(&format!(
            "{}, one refused by its bank, a file of {} for approval",
            count(announced, "debit announced", "debits announced"),
            file.map_or(0, |(_, debits)| debits)
        ));
        Ok(Some(Collected {
            customer: self.with_code(last)?,
            email: self.synth.email(last).expose().clone(),
            file,
        }))
    }

    /// One turns autopay on, and is told when the bill is collected. Gives how many that are.
    async fn mandate(&self, i: u32, day: Date, iban: &str) -> Result<u64, Failure> {
        let store = &self.instance.store;
        let at = SystemClock.now() - BEFORE;
        let account = self.synth.number(i);
        let bills = store.bills_of(&account, None, 1).await?;
        let bill = bills.first().filter(|bill| bill.to_pay > Cents::ZERO);
        let Some(bill) = bill else { return Ok(0) };
        let new = NewMandate {
            account: account.clone(),
            iban: iban.parse().failed("an account number is none")?,
            holder: self.synth.customer(i).name,
            creditor: CREDITOR.parse().failed("the identifier is none")?,
            text_version: "demo".to_owned(),
            evidence: json!({"demo": true}),
            day: self.instance.time_zone()?.to_datetime(at).date(),
            at,
        };
        let Give::Given(mandate) = store.give_mandate(&new).await? else {
            return Ok(0);
        };
        let debit = NewDebit {
            mandate: mandate.number,
            account,
            bill: bill.number,
            amount: bill.to_pay,
            day,
            announced_by: SystemClock.now() + SignedDuration::from_hours(1),
        };
        Ok(store.announce_debits(&[debit], at).await?)
    }

    /// How a file is made that collects up to a day.
    fn terms(&self, latest: Date) -> Result<DebitTerms, Failure> {
        let config = &self.instance.config;
        let rules = config.debit.rules(config);
        let rules = rules.ok_or_else(|| Failure::new(Exit::Failed, "nothing can be collected"))?;
        let terms = rules.terms(&config.operator, self.today);
        Ok(DebitTerms { latest, ..terms })
    }

    /// The number of a file, and of debits in it.
    async fn prepare(&self, terms: &DebitTerms) -> Result<Option<(u64, u64)>, Failure> {
        let by = format!("console:{IMPORTER}");
        let made = self
            .instance
            .store
            .prepare_debits(terms, &by, SystemClock.now());
        Ok(made.await?.file.map(|file| (file.number, file.debits)))
    }

    /// The bank reports that it does not collect the debit of a file.
    async fn refused(&self, file: u64) -> Result<(), Failure> {
        let path = self.instance.dir.join("refused-debits.xml");
        let debits = kvit_store::Debits::In(file);
        let debits = self.instance.store.debits(debits, 1).await?;
        let Some(debit) = debits.first() else {
            return Ok(());
        };
        let (name, day) = (file_name(file), self.today);
        let text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.002.001.10\"><CstmrPmtStsRpt>\n<GrpHdr><MsgId>PSR-{file}</MsgId><CreDtTm>{day}T11:02:03</CreDtTm></GrpHdr>\n<OrgnlGrpInfAndSts><OrgnlMsgId>{name}</OrgnlMsgId><GrpSts>PART</GrpSts></OrgnlGrpInfAndSts>\n<OrgnlPmtInfAndSts><OrgnlPmtInfId>{name}-1</OrgnlPmtInfId>\n<TxInfAndSts><OrgnlEndToEndId>{}</OrgnlEndToEndId><TxSts>RJCT</TxSts><StsRsnInf><Rsn><Cd>{REASON}</Cd></Rsn></StsRsnInf></TxInfAndSts>\n</OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>\n",
            end_to_end(debit.number)
        );
        files::write(&path, text.as_bytes()).failed("the bank's report cannot be written")?;
        let rules = booking::rules(&self.instance)?;
        let checked = booking::check(&path, &rules, &|_| {});
        let checked = checked.failed("the bank's report cannot be read")?;
        let by = format!("console:{IMPORTER}");
        let booked = booking::book(&self.instance, "refused-debits.xml", &by, checked, &rules);
        booked.await.failed("the bank's report is not booked")?;
        Ok(())
    }

    /// The mails that wait.
    async fn send(&self, worker: &str, stop: &CancellationToken) -> Result<(), Failure> {
        let sent = self.instance.courier(worker)?.deliver(stop).await;
        sent.failed("delivery stopped")?;
        Ok(())
    }
}
