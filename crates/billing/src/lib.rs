//! The words of Kvit: money, typed ids, bill orders, bills, customers, and the values that one
//! stage hands to the next.
//!
//! Everything here is pure data. Nothing opens a socket or a file, reads a clock or knows SQL, so
//! every other crate may import this one, and this one imports none of them.
//!
//! Start with [`order::BillOrder`] (what the billing system wants billed) and [`bill::Bill`] (the
//! document that it becomes).

pub mod bill;
mod check;
pub mod code;
pub mod customer;
pub mod declaration;
pub mod document;
pub mod enrolment;
pub mod format;
pub mod holder;
pub mod id;
pub mod lists;
pub mod money;
pub mod no_form;
pub mod operator;
pub mod order;
pub mod period;
pub mod ports;
pub mod reference;
pub mod reminder;
pub mod role;
pub mod secret;

pub use bill::Bill;
pub use code::AuthorizationCode;
pub use customer::{Address, Customer, Language};
pub use declaration::PaperCode;
pub use document::{SealSlot, UnsealedPdf};
pub use enrolment::PaperUntil;
pub use holder::HolderChange;
pub use id::{
    AccessMail, ApiName, AutopayMail, BillNumber, ChunkNo, CustomerNumber, DeliveryId,
    DeliveryKind, EnrolmentId, EntryId, LayoutBaseNo, LayoutNo, OrderSeq, ReaderId, RunId,
    RunLayout, Series, StaffLogin, StaffMail,
};
pub use money::{Cents, Currency};
pub use no_form::NoForm;
pub use operator::Operator;
pub use order::{BillKind, BillOrder};
pub use period::Period;
pub use reminder::ReminderKind;
pub use role::Role;
pub use secret::Secret;
