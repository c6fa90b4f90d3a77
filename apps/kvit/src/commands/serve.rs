//! `kvit serve` and `kvit work`: everything that goes on until told to stop.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use kvit_billing::ports::Clock as _;
use kvit_flow::DeliveryReport;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::issue;
use crate::{
    cli::WorkArgs,
    exit::{Context, Exit, Failure},
    output::{BOLD, LINK, Output, count},
    scanning::Scanning,
    uploads, watch,
    wiring::{Instance, SystemClock},
    workers::{self, Counters},
};

/// Requests under way get so long to end after the signal.
const SHUTDOWN_MAX: Duration = Duration::from_secs(30);

pub(super) async fn serve(
    out: &Output,
    instance: &Instance,
    watch: Option<SocketAddr>,
) -> Result<Exit, Failure> {
    uploads::clear_leftovers(instance)?;
    let portal = kvit_web::router(instance.portal()?)
        .exits(Exit::Configuration, "the portal cannot open")?;
    let listener = bind(instance.config.portal.listen, "[portal] listen").await?;
    let url = instance.config.portal.public_url.trim_end_matches('/');
    for (label, address) in [
        ("portal ", format!("{url}/")),
        ("staff  ", format!("{url}/staff")),
    ] {
        out.note(&format!(
            "{} {}",
            out.err(label, BOLD),
            out.err(&address, LINK)
        ));
    }
    let stop = workers::stop_on_signal();
    let (served, worked) = tokio::join!(
        serve_until(listener, portal, &stop),
        work_until(out, instance, watch, &stop)
    );
    served.and(worked)?;
    Ok(Exit::Done)
}

pub(super) async fn work(
    out: &Output,
    instance: &Instance,
    args: &WorkArgs,
) -> Result<Exit, Failure> {
    let stop = workers::stop_on_signal();
    if args.exit {
        return work_off(out, instance, &stop).await;
    }
    work_until(out, instance, args.watch.watch, &stop).await?;
    Ok(Exit::Done)
}

/// Issues and sends until nothing waits that can be done now.
async fn work_off(
    out: &Output,
    instance: &Instance,
    stop: &CancellationToken,
) -> Result<Exit, Failure> {
    let slot = workers::take_slot(instance).await?;
    let issuer = instance.issuer(&slot.name).await?;
    let courier = instance.courier(&slot.name)?;
    let issued = issue::issue(out, instance, issuer, None, stop).await?;
    let reminders = instance.reminders()?;
    let planned = instance.autopay()?.plan(stop).await;
    planned.failed("autopay stands")?;
    let mut sent = DeliveryReport::default();
    // A round of reminders ends when enough of them wait.
    loop {
        let planned = reminders.plan(stop).await.failed("reminders stand")?;
        sent += courier.deliver(stop).await.failed("delivery stopped")?;
        if planned.planned == 0 || stop.is_cancelled() {
            break;
        }
    }
    instance.poller()?.poll(stop).await?;
    instance.messenger()?.tell(stop).await?;
    while !stop.is_cancelled()
        && instance
            .store
            .continue_owing_sheet(SystemClock.now())
            .await?
    {}
    let scanning = Scanning::open(instance)?;
    while !stop.is_cancelled()
        && scanning
            .read_next(&slot.name, stop)
            .await
            .failed("uploaded scans stand")?
    {}
    scanning
        .clear()
        .await
        .failed("refused scans are not removed")?;
    let waiting = instance.store.queue_depths(jiff::Timestamp::now()).await?;
    let value = json!({
        "bills": issued.bills,
        "chunks": issued.chunks,
        "accepted": sent.accepted,
        "retried": sent.retried,
        "failed": sent.failed,
        "unknown": sent.unknown,
        "chunks_waiting": waiting.chunks_waiting,
        "mails_waiting": waiting.mails_waiting,
    });
    out.result(&value, |_| {
        format!(
            "{} issued, {} sent; {} and {} for later",
            count(issued.bills, "bill", "bills"),
            count(sent.accepted, "mail", "mails"),
            count(waiting.chunks_waiting, "chunk waits", "chunks wait"),
            count(waiting.mails_waiting, "mail", "mails"),
        )
    })?;
    Ok(issue::ended(
        stop,
        waiting.chunks_waiting + waiting.mails_waiting,
    ))
}

/// Issuing, delivery and the address for monitoring.
async fn work_until(
    out: &Output,
    instance: &Instance,
    watch: Option<SocketAddr>,
    stop: &CancellationToken,
) -> Result<(), Failure> {
    let result = async {
        let slot = workers::take_slot(instance).await?;
        let issuer = instance.issuer(&slot.name).await?;
        let courier = instance.courier(&slot.name)?;
        let poller = instance.poller()?;
        let reminders = instance.reminders()?;
        let messenger = instance.messenger()?;
        let autopay = instance.autopay()?;
        let scanning = Scanning::open(instance)?;
        let address = watch.unwrap_or(instance.config.watch.listen);
        let listener = bind(address, "--watch or [watch] listen").await?;
        out.note(&format!(
            "{} {}",
            out.err("health ", BOLD),
            out.err(&format!("http://{address}/health/ready"), LINK)
        ));
        tracing::info!(worker = %slot.name, "at work");
        if instance.config.placeholder {
            tracing::warn!("the operator in kvit.toml is made up (placeholder = true)");
        }
        let counters = Arc::new(Counters::default());
        let pages = watch::router(instance.store.clone(), Arc::clone(&counters));
        let poll = Duration::from_millis(instance.config.workers.poll_ms);
        let (watched, (), (), (), (), (), (), (), ()) = tokio::join!(
            serve_until(listener, pages, stop),
            workers::issue_loop(&issuer, &counters, poll, stop),
            workers::delivery_loop(&courier, &counters, poll, stop),
            workers::payment_loop(&poller, poll, stop),
            workers::reminder_loop(&reminders, &counters, poll, stop),
            workers::webhook_loop(&messenger, &counters, poll, stop),
            workers::owing_loop(&instance.store, poll, stop),
            workers::autopay_loop(&autopay, poll, stop),
            workers::scan_loop(&scanning, &slot.name, poll, stop),
        );
        tracing::info!(worker = %slot.name, "stopped");
        watched
    }
    .await;
    // One part that cannot start ends the others too.
    stop.cancel();
    result
}

/// Takes an address for listening.
pub(super) async fn bind(address: SocketAddr, what: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address)
        .await
        .failed(format!("{address} cannot be listened on"))
        .map_err(|failure| {
            failure.hint(format!(
                "end what uses it, or name another address in {what}"
            ))
        })
}

/// Serves pages until `stop`; requests under way are finished. Pages that cannot be served stop
/// everything else too.
pub(super) async fn serve_until(
    listener: TcpListener,
    router: Router,
    stop: &CancellationToken,
) -> Result<(), Failure> {
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let server = axum::serve(listener, service)
        .with_graceful_shutdown(stop.clone().cancelled_owned())
        .into_future();
    let late = async {
        stop.cancelled().await;
        tokio::time::sleep(SHUTDOWN_MAX).await;
    };
    let done = tokio::select! {
        done = server => done.failed("the pages cannot be served"),
        () = late => Ok(()),
    };
    stop.cancel();
    done
}
