//! Where one payment stands: derived from what was heard of it, never stored.

use jiff::Timestamp;
use kvit_billing::Cents;

/// The state of a payment that was begun here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaymentState {
    /// The customer went to the payment system; nothing was heard since.
    Started,
    /// The payment system knows of it, and the money is not certain yet. Not paid.
    Ordered,
    /// Money came that does not fit, and people look into it.
    Held,
    /// The money is in the books.
    Settled,
    /// It was refused.
    Declined,
    /// Nothing came of it in its time.
    Expired,
    /// The money was in the books, and was given back.
    Reversed,
}

impl PaymentState {
    /// A stable word for screens' texts and machines.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Ordered => "ordered",
            Self::Held => "held",
            Self::Settled => "settled",
            Self::Declined => "declined",
            Self::Expired => "expired",
            Self::Reversed => "reversed",
        }
    }

    /// Whether something may still come of it.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Started | Self::Ordered | Self::Held)
    }
}

/// What is known of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Until when it can be made.
    pub expires_at: Timestamp,
    /// The payment system knows of it, or gave a code for it.
    pub ordered: bool,
    /// It was refused.
    pub declined: bool,
    /// The payment system says that its time is over.
    pub expired: bool,
    /// The payment system is still being asked: that time passed says nothing yet.
    pub asked: bool,
    /// Money came that does not fit, and people have not decided about it yet.
    pub held: bool,
    /// It was reported as given back.
    pub reversed: bool,
    /// What was reported as paid, taken together.
    pub paid: Cents,
    /// What of that was given back.
    pub back: Cents,
}

impl Heard {
    /// The state at a moment. Money counts more than words: what was paid after it had been refused
    /// is paid, in whatever order the notices came.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> PaymentState {
        if self.paid > self.back {
            PaymentState::Settled
        } else if self.held {
            PaymentState::Held
        } else if self.paid > Cents::ZERO || self.reversed {
            PaymentState::Reversed
        } else if self.declined {
            PaymentState::Declined
        } else if self.expired || (now >= self.expires_at && !self.asked) {
            PaymentState::Expired
        } else if self.ordered {
            PaymentState::Ordered
        } else {
            PaymentState::Started
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_counts_more_than_words() {
        let at = |s: i64| Timestamp::from_second(s).expect("a moment");
        let heard = Heard {
            expires_at: at(100),
            ordered: false,
            declined: false,
            expired: false,
            asked: false,
            held: false,
            reversed: false,
            paid: Cents::ZERO,
            back: Cents::ZERO,
        };
        let state = |change: &dyn Fn(&mut Heard)| {
            let mut heard = heard;
            change(&mut heard);
            (heard.state(at(99)).as_str(), heard.state(at(100)).as_str())
        };
        assert_eq!(state(&|_| {}), ("started", "expired"));
        assert_eq!(state(&|h| h.ordered = true), ("ordered", "expired"));
        assert_eq!(state(&|h| h.asked = true), ("started", "started"));
        assert_eq!(state(&|h| h.held = true), ("held", "held"));
        assert_eq!(state(&|h| h.declined = true), ("declined", "declined"));
        let late = |h: &mut Heard| {
            (h.declined, h.expired, h.paid) = (true, true, Cents::new(5));
        };
        assert_eq!(state(&late), ("settled", "settled"));
        let back = |h: &mut Heard| {
            (h.reversed, h.paid, h.back) = (true, Cents::new(5), Cents::new(5));
        };
        assert_eq!(state(&back), ("reversed", "reversed"));
        assert_eq!(state(&|h| h.reversed = true), ("reversed", "reversed"));
    }
}
