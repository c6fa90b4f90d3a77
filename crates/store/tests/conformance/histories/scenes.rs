//! What happens in a history, each a scene of its own with what has to come of it.

use std::collections::BTreeSet;

use kvit_pay::{
    VerifiedNotice,
    dialects::ipg::Dialect,
    statement::{Transfer, TransferKind},
};
use kvit_store::{ConcessionKind, DebitState, Store};

use super::{
    super::{
        debits::{back, came, refused},
        payers::{Said, begun, begun_together, borica, confirmed, epay, epay_paid},
        statements::paid,
        world::{account, number},
    },
    CUSTOMERS, Chance, Coming, Deed, Home, Step,
};

/// What comes, step by step, and what has to come of it.
pub(super) struct History {
    pub(super) chance: Chance,
    pub(super) steps: Vec<Step>,
    pub(super) comings: Vec<Coming>,
    /// Names of all that was told.
    pub(super) told: BTreeSet<String>,
    /// Orders with such a rollback: its name, and those of the payments.
    pub(super) unnamed: Vec<(String, [String; 2])>,
    names: u64,
}

impl History {
    pub(super) const fn new(chance: Chance) -> Self {
        Self {
            chance,
            steps: Vec::new(),
            comings: Vec::new(),
            told: BTreeSet::new(),
            unnamed: Vec::new(),
            names: 0,
        }
    }

    fn name(&mut self) -> String {
        self.names += 1;
        format!("N{}", self.names)
    }

    fn call(&mut self, said: &Said<'_>) {
        let (key, first) = match said.what {
            "Cancel" => (said.brought().key(), Step::Told(said.brought())),
            _ => (said.called().key(), Step::Called(said.called())),
        };
        self.told.insert(key);
        // By a call-back or the browser, as the answer to a question, or both.
        let which = self.chance.below(3);
        if which != 1 {
            self.steps.push(first);
        }
        if which != 0 {
            self.steps.push(Step::Told(said.answered()));
        }
    }

    fn tell(&mut self, notice: VerifiedNotice) -> String {
        let key = notice.key();
        self.told.insert(key.clone());
        self.steps.push(Step::Told(notice));
        key
    }

    fn bank(&mut self, transfer: &Transfer) -> String {
        let key = transfer.clone().notice().expect("a notice").key();
        self.told.insert(key.clone());
        let statement = format!("s{}", self.chance.below(4));
        self.steps.push(Step::Bank(statement, transfer.clone()));
        key
    }

    fn comes(&mut self, key: String, cents: i64, home: Home) -> &mut Coming {
        self.comings.push(Coming {
            key,
            cents,
            home,
            back: None,
            unsure: false,
            plain: true,
        });
        self.comings.last_mut().expect("one")
    }

    /// A payment at iCard or myPOS.
    pub(super) async fn card(&mut self, store: &Store) {
        let (dialect, provider, euro) = match self.chance.below(2) {
            0 => (Dialect::Icard, "card", "978"),
            _ => (Dialect::Mypos, "mypos", "EUR"),
        };
        let who = 1 + self.chance.below(CUSTOMERS);
        let order = begun(store, provider, who + 99).await.number;
        let (one, two) = (self.name(), self.name());
        let pay = |trace, amount, currency| Said {
            dialect,
            order,
            what: "Notify",
            trace: Some(trace),
            money: Some((amount, currency)),
        };
        let go = |trace| Said {
            what: "Rollback",
            trace,
            money: None,
            ..pay("", "", "")
        };
        let key = |trace: &str| format!("{provider}/paid/{trace}");
        let gone = |trace: &str| Some(format!("{provider}/reversed/{trace}"));
        let home = Home::Customer(who);
        match self.chance.below(9) {
            0 => {
                self.call(&Said {
                    what: "Cancel",
                    ..go(None)
                });
                self.call(&pay(&one, "12.00", euro));
                self.comes(key(&one), 1200, home);
            }
            1 | 2 => {
                self.call(&pay(&one, "12.00", euro));
                self.call(&go(Some(&one)));
                self.comes(key(&one), 1200, home).back = gone(&one);
            }
            // Another sum, another currency, an order of nobody's: it goes back, and people see it.
            3 => {
                let said = match self.chance.below(3) {
                    0 => pay(&one, "11.99", euro),
                    1 => pay(&one, "12.00", if euro == "978" { "975" } else { "BGN" }),
                    _ => Said {
                        order: order + 5000,
                        ..pay(&one, "12.00", euro)
                    },
                };
                self.told.insert(said.called().key());
                self.steps.push(Step::Called(said.called()));
                let back = self.chance.once_in(2);
                if back {
                    self.call(&Said {
                        order: said.order,
                        ..go(Some(&one))
                    });
                }
                self.comes(key(&one), 0, Home::Nowhere).back = gone(&one).filter(|_| back);
            }
            // Another sum of which an answer tells: it is with the payment system.
            4 => {
                let notice = pay(&one, "11.99", euro).answered();
                let key = self.tell(notice);
                self.comes(key, 1199, Home::Unmatched);
            }
            // A first attempt went back, or was never heard of.
            5 => {
                self.call(&go(Some(&one)));
                self.call(&pay(&two, "12.00", euro));
                self.comes(key(&two), 1200, home);
            }
            // Two payments, and a rollback that names none.
            6 => {
                for trace in [&one, &two] {
                    self.call(&pay(trace, "12.00", euro));
                    let coming = self.comes(key(trace), 1200, home);
                    (coming.unsure, coming.plain) = (true, false);
                }
                self.call(&go(None));
                let rollback = format!("{provider}/rolled-back/{order}");
                self.unnamed.push((rollback, [key(&one), key(&two)]));
            }
            // Two sums under one name: the first counts, the other is for people.
            7 => {
                self.call(&pay(&one, "12.00", euro));
                let other = pay(&one, "11.00", euro).called();
                self.steps.push(Step::Called(other));
                let coming = self.comes(key(&one), 1200, home);
                (coming.unsure, coming.plain) = (true, false);
            }
            _ => {
                self.call(&pay(&one, "12.00", euro));
                self.comes(key(&one), 1200, home);
            }
        }
    }

    pub(super) async fn other_system(&mut self, store: &Store) {
        let who = 1 + self.chance.below(CUSTOMERS);
        match self.chance.below(6) {
            4 => self.together(store, who).await,
            0 => {
                let order = begun(store, "borica", who + 99).await.number;
                if self.chance.once_in(2) {
                    self.tell(borica(order, false, true));
                }
                self.tell(borica(order, true, false));
                let key = self.tell(borica(order, true, true));
                self.comes(key, 1200, Home::Customer(who));
            }
            1 => {
                let order = begun(store, "epay", who + 99).await.number;
                for word in ["DENIED", "EXPIRED"] {
                    if self.chance.once_in(2) {
                        self.tell(epay(&format!("INVOICE={order}:STATUS={word}")));
                    }
                }
                let key = self.tell(epay_paid(order, order));
                self.comes(key, 1200, Home::Customer(who));
            }
            known => {
                let name = self.name();
                let of = if known == 2 { who } else { 9_000 };
                let key = self.tell(confirmed(&account(of), &name, 345, ""));
                let home = if known == 2 {
                    Home::Customer(who)
                } else {
                    Home::Unmatched
                };
                self.comes(key, 345, home);
            }
        }
    }

    /// One payment of the bills of two customers, which may go back or come twice.
    async fn together(&mut self, store: &Store, who: u64) {
        let both = [who, who % CUSTOMERS + 1];
        let order = begun_together(store, "card", &both).await.number;
        let trace = self.name();
        let pay = Said {
            dialect: Dialect::Icard,
            order,
            what: "Notify",
            trace: Some(&trace),
            money: Some(("24.00", "978")),
        };
        self.call(&pay);
        let goes = self.chance.once_in(3);
        if goes {
            let (what, money) = ("Rollback", None);
            self.call(&Said { what, money, ..pay });
        }
        let back = goes.then(|| format!("card/reversed/{trace}"));
        let key = format!("card/paid/{trace}");
        self.comes(key, 2400, Home::Two(both)).back = back;
    }

    pub(super) fn transfer(&mut self) {
        let who = 1 + self.chance.below(CUSTOMERS);
        let name = self.name();
        let (words, home) = match self.chance.below(4) {
            0 => (String::new(), Home::Payout),
            1 => (String::new(), Home::Unmatched),
            _ => (format!("{:010}", who + 99), Home::Customer(who)),
        };
        let mut transfer = paid(&name, &words);
        if home == Home::Payout {
            transfer.kind = TransferKind::Payout("card".parse().expect("a name"));
        }
        let key = self.bank(&transfer);
        let goes = home != Home::Payout && self.chance.once_in(3);
        let back = goes.then(|| {
            let kind = TransferKind::TakenBack;
            self.bank(&Transfer { kind, ..transfer })
        });
        let coming = self.comes(key, 1200, home);
        (coming.back, coming.plain) = (back, home != Home::Payout);
    }

    /// What the bank says of a debit; gives the state in which that leaves it.
    pub(super) fn debit(&mut self, number: u64, who: u64) -> DebitState {
        let reason = ["AC04", "AM04", "MD06"][self.chance.index(3)];
        let (credit, gone) = (format!("C{number}"), format!("R{number}"));
        let (credit, gone) = (came(number, &credit), back(number, &gone, reason));
        let (refusal, money, returned, end) = match self.chance.below(6) {
            0 => (false, true, false, DebitState::Settled),
            1 => (false, true, true, DebitState::Returned),
            2 => (true, false, false, DebitState::Returned),
            3 => (true, true, false, DebitState::Settled),
            4 => (false, false, true, DebitState::Ordered),
            _ => (false, false, false, DebitState::Ordered),
        };
        if refusal {
            let statement = format!("s{}", self.chance.below(4));
            self.steps
                .push(Step::Bank(statement, refused(number, reason)));
        }
        let back = returned.then(|| self.bank(&gone));
        if money {
            let key = self.bank(&credit);
            let coming = self.comes(key, 1200, Home::Customer(who));
            (coming.back, coming.plain) = (back, false);
        }
        end
    }

    pub(super) fn people(&mut self) {
        for coming in self.comings.clone() {
            let who = 1 + self.chance.below(CUSTOMERS);
            let (home, payment) = match coming.home {
                // The first entry has the name of the notice.
                Home::Two(both) => {
                    let who = both[self.chance.index(2)];
                    let first = both.iter().min() == Some(&who);
                    let name = if first { "" } else { "share-2/" };
                    (Home::Customer(who), format!("{name}{}", coming.key))
                }
                home => (home, coming.key.clone()),
            };
            let deed = match (home, self.chance.below(6)) {
                (Home::Unmatched, 0 | 1) => Deed::Allocate(coming.key, who, None),
                (Home::Unmatched, 2) => Deed::Allocate(coming.key, who, Some(100)),
                (Home::Nowhere, 0) => Deed::Settle(coming.key),
                (Home::Unmatched | Home::Customer(_), 3) if coming.plain => Deed::Undo(coming.key),
                (Home::Customer(who), 0 | 1) => {
                    let iban = "DE89370400440532013000".parse().expect("an account");
                    let (kind, payee) = (self.chance.below(3), "Ана".to_owned());
                    let provider = coming.key.split('/').next().unwrap_or_default();
                    let provider = provider.parse().expect("a name");
                    let kind = match kind {
                        0 => ConcessionKind::Refund {
                            iban,
                            payee,
                            payment: None,
                        },
                        1 => ConcessionKind::Refund {
                            iban,
                            payee,
                            payment: Some(payment),
                        },
                        _ => ConcessionKind::SameWay { provider, payment },
                    };
                    Deed::Concede(who, kind, 345)
                }
                (Home::Customer(who), 4) => {
                    let bill = number(who + 99);
                    Deed::Concede(who, ConcessionKind::WriteOff { bill }, 855)
                }
                _ => continue,
            };
            self.steps.push(Step::People(deed.clone()));
            self.steps.push(Step::People(deed));
        }
        for (rollback, _) in self.unnamed.clone() {
            if self.chance.once_in(3) {
                self.steps.push(Step::People(Deed::Settle(rollback)));
            }
        }
        for _ in 0..12 {
            let (which, how) = (self.chance.below(6), self.chance.below(4));
            self.steps.push(Step::People(Deed::Office(which, how)));
        }
        self.steps.extend([Step::Start, Step::Start]);
    }
}
