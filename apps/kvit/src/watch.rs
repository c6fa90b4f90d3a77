//! Health and numbers for monitoring, on an address of their own.

use std::{
    fmt::Write,
    sync::{Arc, atomic::Ordering},
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use kvit_store::{HealthRecord, QueueDepths, Store};

use crate::workers::Counters;

struct Watched {
    store: Store,
    counters: Arc<Counters>,
}

/// `/health/live`: the process answers. `/health/ready`: the store does too. `/metrics`.
pub(crate) fn router(store: Store, counters: Arc<Counters>) -> Router {
    Router::new()
        .route("/health/live", get(|| async { "live\n" }))
        .route("/health/ready", get(ready))
        .route("/metrics", get(metrics))
        .with_state(Arc::new(Watched { store, counters }))
}

async fn ready(State(watched): State<Arc<Watched>>) -> Response {
    match watched.store.ping().await {
        Ok(()) => "ready\n".into_response(),
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "the store does not answer");
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "the store does not answer\n",
            )
                .into_response()
        }
    }
}

async fn metrics(State(watched): State<Arc<Watched>>) -> Response {
    let now = jiff::Timestamp::now();
    let depths = watched.store.queue_depths(now).await.ok();
    let health = watched
        .store
        .providers_health(now)
        .await
        .unwrap_or_default();
    let guessed = watched.store.guessed_until(now).await;
    let slowed = guessed.ok().map(|until| until > Some(now));
    let text = exposition(&watched.counters, depths.as_ref(), &health, slowed);
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

/// The Prometheus text format. Gauges of what the store knows are left out while it is silent.
fn exposition(
    counters: &Counters,
    depths: Option<&QueueDepths>,
    health: &[HealthRecord],
    slowed: Option<bool>,
) -> String {
    let mut text = String::new();
    let mut metric = |name: &str, kind: &str, help: &str, values: &[(&str, i128)]| {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in values {
            let _ = writeln!(text, "{name}{labels} {value}");
        }
    };
    let of = |counter: &std::sync::atomic::AtomicU64| i128::from(counter.load(Ordering::Relaxed));
    let version = concat!("{version=\"", env!("CARGO_PKG_VERSION"), "\"}");
    metric(
        "kvit_build_info",
        "gauge",
        "The program that runs.",
        &[(version, 1)],
    );
    metric(
        "kvit_store_up",
        "gauge",
        "1 while the store answers.",
        &[("", i128::from(depths.is_some()))],
    );
    metric(
        "kvit_bills_issued_total",
        "counter",
        "Bills issued by this process.",
        &[("", of(&counters.bills_issued))],
    );
    metric(
        "kvit_bills_without_form_total",
        "counter",
        "Bills that this process laid out one by one, as the layout's form was refused; the run's page says why.",
        &[("", of(&counters.bills_without_form))],
    );
    metric(
        "kvit_chunks_issued_total",
        "counter",
        "Chunks issued by this process.",
        &[("", of(&counters.chunks_issued))],
    );
    metric(
        "kvit_last_chunk_timestamp_seconds",
        "gauge",
        "When this process last issued a chunk; 0 = not yet.",
        &[("", counters.last_chunk_s.load(Ordering::Relaxed).into())],
    );
    metric(
        "kvit_mails_total",
        "counter",
        "Attempts to send a mail, by their end.",
        &[
            ("{outcome=\"accepted\"}", of(&counters.mails_accepted)),
            ("{outcome=\"retry\"}", of(&counters.mails_retried)),
            ("{outcome=\"failed\"}", of(&counters.mails_failed)),
            ("{outcome=\"unknown\"}", of(&counters.mails_unknown)),
        ],
    );
    metric(
        "kvit_worker_failures_total",
        "counter",
        "Passes that ended with an error; the log says why.",
        &[
            ("{stage=\"issue\"}", of(&counters.issue_failures)),
            ("{stage=\"deliver\"}", of(&counters.delivery_failures)),
            ("{stage=\"remind\"}", of(&counters.reminder_failures)),
        ],
    );
    metric(
        "kvit_reminders_total",
        "counter",
        "Reminders that this process queued, or left out because their moment had passed.",
        &[
            ("{outcome=\"planned\"}", of(&counters.reminders_planned)),
            ("{outcome=\"missed\"}", of(&counters.reminders_missed)),
        ],
    );
    let systems: Vec<(String, i128)> = health
        .iter()
        .map(|known| {
            let labels = format!("{{provider=\"{}\"}}", known.provider);
            (labels, i128::from(known.out_since.is_none()))
        })
        .collect();
    let systems: Vec<(&str, i128)> = systems.iter().map(|(l, v)| (l.as_str(), *v)).collect();
    if !systems.is_empty() {
        metric(
            "kvit_payment_system_up",
            "gauge",
            "0 while a payment system is out of order and hidden from customers.",
            &systems,
        );
    }
    if let Some(slowed) = slowed {
        metric(
            "kvit_attempts_slowed",
            "gauge",
            "1 while codes are guessed from many places and attempts are slowed down.",
            &[("", i128::from(slowed))],
        );
    }
    metric(
        "kvit_webhook_messages_total",
        "counter",
        "Attempts of this process to tell a webhook, by their end.",
        &[
            ("{outcome=\"heard\"}", of(&counters.webhooks_heard)),
            ("{outcome=\"unheard\"}", of(&counters.webhooks_unheard)),
            ("{outcome=\"aside\"}", of(&counters.webhooks_aside)),
        ],
    );
    if let Some(depths) = depths {
        for (name, help, value) in [
            (
                "kvit_chunks_waiting",
                "Chunks of released runs not issued yet.",
                depths.chunks_waiting,
            ),
            (
                "kvit_mails_waiting",
                "Mails not sent yet.",
                depths.mails_waiting,
            ),
            (
                "kvit_mails_overdue",
                "Mails not sent though due.",
                depths.mails_overdue,
            ),
            ("kvit_mails_failed", "Mails given up.", depths.mails_failed),
            (
                "kvit_refunds_unclear",
                "Refunds of which nobody knows whether their payment system gave the money back.",
                depths.refunds_unclear,
            ),
            (
                "kvit_statements_broken",
                "Bank statements that are not in the books, as what is kept of them breaks off.",
                depths.statements_broken,
            ),
        ] {
            metric(name, "gauge", help, &[("", value.into())]);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_have_the_form_that_prometheus_reads() {
        let counters = Counters::default();
        counters.bills_issued.store(7, Ordering::Relaxed);
        counters.bills_without_form.store(5, Ordering::Relaxed);
        let depths = QueueDepths {
            mails_overdue: 3,
            refunds_unclear: 2,
            ..QueueDepths::default()
        };
        let health = HealthRecord {
            provider: "epay".parse().expect("a name"),
            heard_at: None,
            failing_since: None,
            out_since: Some(jiff::Timestamp::UNIX_EPOCH),
        };
        let text = exposition(&counters, Some(&depths), &[health], Some(true));
        assert!(
            text.contains("\nkvit_payment_system_up{provider=\"epay\"} 0\n"),
            "{text}"
        );
        assert!(text.contains("\nkvit_bills_issued_total 7\n"), "{text}");
        assert!(
            text.contains("\nkvit_bills_without_form_total 5\n"),
            "{text}"
        );
        assert!(text.contains("\nkvit_mails_overdue 3\n"), "{text}");
        assert!(text.contains("\nkvit_refunds_unclear 2\n"), "{text}");
        assert!(
            text.contains("\nkvit_mails_total{outcome=\"unknown\"} 0\n"),
            "{text}"
        );
        assert!(text.contains("\nkvit_attempts_slowed 1\n"), "{text}");
        let silent = exposition(&counters, None, &[], None);
        for gauge in ["kvit_mails_overdue", "kvit_attempts_slowed"] {
            assert!(!silent.contains(gauge), "{silent}");
        }
    }
}
