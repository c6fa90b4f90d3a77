//! Tells systems of the operator's what happened: webhooks, signed as the Standard Webhooks say
//! (<https://www.standardwebhooks.com>), each message until it was heard or is set aside.

use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures::future::join_all;
use kvit_billing::{ApiName, Secret, code::InstanceKey, ports::Clock};
use kvit_store::{
    ClearedMessages, Store, StoreError, WEBHOOK_ASIDE_DAYS, WEBHOOK_LADDER_MINUTES, WebhookJob,
};
use tokio_util::sync::CancellationToken;

use crate::ports::{Checkpoints, NotHeard, Post};

/// Calls to one system at once.
const AT_ONCE: usize = 10;
/// What is kept of why a message was not heard, in characters.
const SAID_CHARS_MAX: usize = 200;

/// Sends webhooks.
pub struct Messenger {
    /// The messages.
    pub store: Store,
    /// Carries them.
    pub post: Arc<dyn Post>,
    /// Derives the keys of signatures.
    pub key: Arc<InstanceKey>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Where tests end the process.
    pub checkpoints: Arc<dyn Checkpoints>,
}

/// What a round came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TellReport {
    /// Messages that were heard.
    pub heard: u64,
    /// Messages that were not; they are tried again.
    pub unheard: u64,
    /// Messages that are set aside now.
    pub aside: u64,
}

impl Messenger {
    /// One round: what is due, for each system beside the others, so that one that does not answer
    /// holds up no other. A system that hears nothing of a batch is left alone until the next round.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn tell(&self, stop: &CancellationToken) -> Result<TellReport, StoreError> {
        let hooks = self.store.webhooks_due(self.clock.now()).await?;
        let each = join_all(hooks.iter().map(|hook| self.tell_one(hook, stop))).await;
        let mut all = TellReport::default();
        for one in each {
            let one = one?;
            all.heard += one.heard;
            all.unheard += one.unheard;
            all.aside += one.aside;
        }
        Ok(all)
    }

    /// Deletes messages that nobody will hear any more, in parts, or until `stop`; gives how many.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn sweep(&self, stop: &CancellationToken) -> Result<ClearedMessages, StoreError> {
        let mut all = ClearedMessages::default();
        while !stop.is_cancelled() {
            let part = self.store.clear_webhook_messages(self.clock.now()).await?;
            if part == ClearedMessages::default() {
                break;
            }
            all.aside += part.aside;
            all.removed += part.removed;
        }
        if all.aside > 0 {
            tracing::warn!(
                messages = all.aside,
                days = WEBHOOK_ASIDE_DAYS,
                "messages that were set aside are deleted; no webhook was told them"
            );
        }
        if all.removed > 0 {
            tracing::info!(
                messages = all.removed,
                "messages of removed webhooks are deleted"
            );
        }
        Ok(all)
    }

    async fn tell_one(
        &self,
        hook: &ApiName,
        stop: &CancellationToken,
    ) -> Result<TellReport, StoreError> {
        let mut report = TellReport::default();
        let key = self.key.webhook_key(hook);
        while !stop.is_cancelled() {
            let now = self.clock.now();
            let jobs = self
                .store
                .claim_webhook_messages(hook, now, AT_ONCE)
                .await?;
            if jobs.is_empty() {
                break;
            }
            self.checkpoints.reached("webhooks-claimed");
            let ends = join_all(jobs.iter().map(|job| self.send(&key, job))).await;
            let mut heard = 0;
            for (job, end) in jobs.iter().zip(ends) {
                match end? {
                    true => heard += 1,
                    false if job.attempt as usize > WEBHOOK_LADDER_MINUTES.len() => {
                        report.aside += 1;
                        tracing::error!(webhook = %hook, message = %job.id, "a message is set aside; `kvit api webhook list` says why");
                    }
                    false => report.unheard += 1,
                }
            }
            report.heard += heard;
            if heard == 0 {
                break;
            }
        }
        Ok(report)
    }

    /// Whether the message was heard.
    async fn send(&self, key: &Secret<[u8; 32]>, job: &WebhookJob) -> Result<bool, StoreError> {
        let seconds = self.clock.now().as_second();
        let signature = signature(key.expose(), job.id.as_str(), seconds, &job.body);
        let headers = [
            ("webhook-id", job.id.to_string()),
            ("webhook-timestamp", seconds.to_string()),
            ("webhook-signature", signature),
        ];
        let end = self.post.post(&job.url, &headers, &job.body).await;
        // Heard and not recorded, it is told again under the same id.
        self.checkpoints.reached("after-webhook");
        let said = end.as_ref().err().map(|NotHeard(why)| {
            let said: String = why.chars().take(SAID_CHARS_MAX).collect();
            said
        });
        self.store
            .finish_webhook_message(&job.id, job.attempt, said.as_deref())
            .await?;
        Ok(end.is_ok())
    }
}

/// `v1,` and the HMAC-SHA256 over id, time and body in Base64.
fn signature(key: &[u8], id: &str, seconds: i64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let tag = hmac::sign(&key, format!("{id}.{seconds}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(tag))
}

/// The key of a webhook's signatures as it is handed to who receives them.
#[must_use]
pub fn webhook_secret(key: &InstanceKey, name: &ApiName) -> Secret<String> {
    let key = key.webhook_key(name);
    let text = STANDARD.encode(key.expose());
    Secret::new(format!("whsec_{text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_the_published_example() {
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let signed = signature(
            &key.expect("Base64"),
            id,
            1_614_265_330,
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
