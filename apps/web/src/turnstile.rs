//! When wrong codes come from everywhere at once, limits by number and by network do not help: each
//! of them is far from full. Then attempts pass one by one, slowly, and somebody is told.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use kvit_store::{GUESSING, GuardState};
use tokio::sync::{Mutex, Semaphore};

/// Between two attempts while the slow-down is on: 432,000 attempts a day, which find one code of
/// some customer in eight months, with the alarm on all the time.
const STEP: Duration = Duration::from_millis(200);
/// Visitors who wait their turn; the last of them for ten seconds.
const WAITING_MAX: usize = 50;
const RETRY: SignedDuration = SignedDuration::from_mins(1);

/// Open, unless the portal is under attack.
pub(crate) struct Turnstile {
    /// Slow until then, in microseconds.
    slow_until: AtomicI64,
    waiting: Semaphore,
    turn: Mutex<()>,
}

impl Default for Turnstile {
    fn default() -> Self {
        Self {
            slow_until: AtomicI64::new(i64::MIN),
            waiting: Semaphore::new(WAITING_MAX),
            turn: Mutex::new(()),
        }
    }
}

impl Turnstile {
    /// Lets an attempt through, after its turn where the slow-down is on. `false` where too many
    /// wait already.
    pub(crate) async fn pass(&self, now: Timestamp) -> bool {
        if now.as_microsecond() >= self.slow_until.load(Ordering::Relaxed) {
            return true;
        }
        let Ok(_place) = self.waiting.try_acquire() else {
            return false;
        };
        let _turn = self.turn.lock().await;
        tokio::time::sleep(STEP).await;
        true
    }

    /// Learns from the counter of the whole portal, which all nodes share.
    pub(crate) fn heed(&self, everywhere: GuardState, now: Timestamp) {
        let Some(until) = everywhere.blocked_until else {
            return;
        };
        let until = until.as_microsecond();
        let before = self.slow_until.swap(until, Ordering::Relaxed);
        if before < now.as_microsecond() {
            tracing::warn!(
                wrong_codes = GUESSING.max_fails,
                window_s = GUESSING.window_s,
                "codes are being guessed from many places: attempts are slowed down"
            );
        }
    }

    /// When who found no room may try again.
    pub(crate) fn retry_at(now: Timestamp) -> Timestamp {
        now.saturating_add(RETRY).unwrap_or(now)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn attempts_queue_only_while_the_slow_down_is_on() {
        let now = Timestamp::UNIX_EPOCH;
        let until = now + SignedDuration::from_secs(900);
        let turnstile = Turnstile::default();
        // At once, without a wait.
        assert_eq!(turnstile.pass(now).now_or_never(), Some(true));
        turnstile.heed(
            GuardState {
                blocked_until: Some(until),
            },
            now,
        );
        let started = std::time::Instant::now();
        assert!(turnstile.pass(now).await);
        assert!(started.elapsed() >= STEP);
        let all = turnstile
            .waiting
            .try_acquire_many(WAITING_MAX as u32)
            .expect("free");
        assert!(!turnstile.pass(now).await, "too many wait");
        drop(all);
        assert_eq!(turnstile.pass(until).now_or_never(), Some(true));
    }
}
