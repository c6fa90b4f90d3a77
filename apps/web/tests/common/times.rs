//! How long tests wait on a busy machine, and what takes as long as what.

use std::time::{Duration, Instant};

use super::chrome::WAIT_MAX;

/// Waits until there is what is looked for, such as work behind an answer.
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begun.elapsed() < WAIT_MAX, "{what}: never");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Whoever asks about one or the other waits as long, in the middle of many tries. What tells the two apart does so in
/// every round, and what else the machine does in some.
pub(crate) async fn take_as_long(both: [&str; 2], mut ask: impl AsyncFnMut(&str)) {
    const ROUNDS: usize = 3;
    const TRIES: usize = 120;
    let mut seen = Vec::new();
    while seen.len() < ROUNDS {
        let mut times = [Vec::new(), Vec::new()];
        // By turns, so that whatever else the machine does falls on both.
        for _ in 0..TRIES {
            for (times, one) in times.iter_mut().zip(both) {
                let started = Instant::now();
                ask(one).await;
                times.push(started.elapsed().as_secs_f64());
            }
        }
        let [one, other] = times.map(|mut times| {
            times.sort_by(f64::total_cmp);
            times[TRIES / 2]
        });
        if (0.7..1.4).contains(&(one / other)) {
            return;
        }
        seen.push((one, other));
    }
    panic!("{both:?} do not take as long: {seen:?} s");
}
