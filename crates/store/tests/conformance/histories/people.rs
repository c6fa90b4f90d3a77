//! What people do in a history.

use std::{collections::BTreeSet, sync::Mutex};

use jiff::civil::date;
use kvit_billing::Cents;
use kvit_pay::{
    credit::{Payer, end_to_end},
    dialects::Refunded,
    statement::{Transfer, TransferKind},
};
use kvit_store::{
    Claim, Concede, ConcessionState, Concessions, Doubt, NewConcession, Settle, Store,
};

use super::{
    super::{
        concessions::debit as spent,
        statements::{booked, paid},
        world::{account, at},
    },
    ALL, Deed,
};

const IBAN: &str = "BG80BNBG96611020345678";

/// Two people say it.
pub(super) async fn said(
    store: &Store,
    deed: &Deed,
    second: i64,
    undone: &Mutex<BTreeSet<String>>,
) {
    let now = at(second);
    match deed {
        Deed::Allocate(key, n, amount) => {
            let claim = Claim {
                account: account(*n),
                amount: amount.map(Cents::new),
                bill: None,
            };
            let said = store.propose_allocation(key, &claim, "ana", now).await;
            said.expect("an answer");
            let said = store.approve_allocation(key, &claim.account, "boris", now);
            said.await.expect("an answer");
        }
        Deed::Undo(key) => {
            for (why, by) in [(Some("взеха ги"), "ana"), (None, "boris")] {
                let said = store.reverse_payment(key, why, by, now).await;
                if said.expect("an answer") == Settle::Done {
                    undone.lock().expect("whole").insert(key.clone());
                }
            }
        }
        Deed::Settle(key) => {
            for (why, by) in [(Some("видях го"), "ana"), (None, "boris")] {
                let said = store.settle_notice(key, why, by, now).await;
                said.expect("an answer");
            }
        }
        Deed::Concede(n, kind, cents) => {
            let new = NewConcession {
                account: account(*n),
                kind: kind.clone(),
                amount: Cents::new(*cents),
                why: "поиска ги".to_owned(),
                by: "ana".to_owned(),
            };
            let said = store.propose_concession(&new, now).await;
            if let Concede::Proposed(number) = said.expect("an answer") {
                let said = store.approve_concession(number, "boris", now).await;
                said.expect("an answer");
            }
        }
        Deed::Office(which, how) => office(store, *which, *how, second).await,
    }
}

/// Refunds are sent, asked for, found out about, corrected, and paid or brought back by the bank.
async fn office(store: &Store, which: u64, how: u64, second: i64) {
    let now = at(second);
    let all = store.concessions(Concessions::Latest, ALL).await;
    let all = all.expect("refunds");
    match which {
        0 => {
            let payer = Payer {
                name: "Оператор".to_owned(),
                iban: IBAN.parse().expect("an account"),
                bic: String::new(),
            };
            let day = date(2026, 11, 30);
            let made = store.export_refunds(&payer, day, "Клиент", "vera", now);
            made.await.expect("an answer");
        }
        1 => {
            for provider in ["card", "mypos", "borica", "epay"] {
                let provider = provider.parse().expect("a name");
                let list = store.concessions(Concessions::ToAsk(&provider), 9).await;
                for refund in list.expect("refunds") {
                    if !store.ask_refund(refund.number, now).await.expect("asked") {
                        continue;
                    }
                    let (done, no) = (Refunded::Done(None), Refunded::Refused("21".to_owned()));
                    let heard = match how {
                        0 => Ok(&done),
                        1 => Ok(&no),
                        2 => Err(Doubt::Silent),
                        // Whoever asked is no more.
                        _ => continue,
                    };
                    let kept = store.refund_answered(refund.number, heard, now).await;
                    kept.expect("kept");
                }
            }
        }
        2 => drop(store.doubt_refunds(now, now).await.expect("doubted")),
        3 => {
            for refund in all
                .iter()
                .filter(|it| it.state() == ConcessionState::Unclear)
            {
                let went = how.is_multiple_of(2);
                let said = store.clear_refund(refund.number, went, "видях го", "vera", now);
                said.await.expect("an answer");
            }
        }
        4 => {
            for refund in &all {
                let Some(went) = refund.may_turn_out() else {
                    continue;
                };
                let said = store.say_otherwise(refund.number, went, "видях го", "vera", now);
                if let Concede::Proposed(number) = said.await.expect("an answer") {
                    let said = store.approve_refund_correction(number, "dora", now).await;
                    said.expect("an answer");
                }
            }
        }
        _ => {
            for refund in all.iter().filter(|refund| refund.file.is_some()) {
                let (name, cents) = (end_to_end(refund.number), refund.amount.get());
                if how != 1 {
                    booked(store, "s5", &[]).await;
                    let spent = spent(&name, cents);
                    let settled = store.settle_refunds("s5", &[spent], now).await;
                    settled.expect("settled");
                }
                if how % 2 == 1 {
                    let returned = Transfer {
                        kind: TransferKind::CameBack,
                        amount: refund.amount,
                        end_to_end: Some(name),
                        ..paid(&format!("B{}", refund.number), "")
                    };
                    booked(store, "s6", &[returned]).await;
                }
            }
        }
    }
}
