//! Mail out over SMTP, one observed conversation a message.
//!
//! The client is small and our own because of one question that libraries blur: when a connection
//! breaks, had the server already been asked to take the mail? Before the final dot it had not
//! ([`Outcome::Temporary`]); after it nobody can tell ([`Outcome::Unknown`]).

mod config;
mod conversation;

use std::{sync::Mutex, time::Duration};

use config::Checked;
pub use config::{SmtpConfig, SmtpError, SmtpSecurity};
use conversation::{Conversation, Failure};
use futures::{FutureExt, future::BoxFuture};
use kvit_flow::ports::Mailer;
use kvit_mail::{Message, Outcome, ReplyRules};
use tokio::sync::Semaphore;

/// The server gets so long to answer the final dot at least (RFC 5321, 4.5.3.2.6): giving up early
/// is how mails arrive twice.
const FINAL_REPLY_MIN: Duration = Duration::from_secs(600);

/// Sends mail to one server over at most `connections` connections, which are kept for reuse.
pub struct SmtpMailer {
    config: Checked,
    rules: ReplyRules,
    idle: Mutex<Vec<Conversation>>,
    places: Semaphore,
}

impl SmtpMailer {
    /// A mailer of these settings. Connects when the first message is sent.
    ///
    /// # Errors
    /// Where the settings contradict each other, a certificate cannot be read, or mail would leave
    /// unencrypted to another machine without this being allowed.
    pub fn new(config: SmtpConfig) -> Result<Self, SmtpError> {
        let places = Semaphore::new(config.connections.clamp(1, 1000));
        let config = Checked::new(config)?;
        Ok(Self {
            config,
            rules: ReplyRules::builtin(),
            idle: Mutex::default(),
            places,
        })
    }

    /// Judges replies by these rules in place of those that come with Kvit.
    #[must_use]
    pub fn with_rules(mut self, rules: ReplyRules) -> Self {
        self.rules = rules;
        self
    }

    /// One conversation about one message. Never fails: whatever happens is an [`Outcome`].
    pub async fn send_message(&self, message: &Message) -> Outcome {
        let Ok(_place) = self.places.acquire().await else {
            return Outcome::Temporary {
                reply: "the mailer is closed".to_owned(),
            };
        };
        let outcome = self.converse(message).await;
        tracing::debug!(message = %message.id, outcome = outcome.name(), "mail conversation ended");
        outcome
    }

    async fn converse(&self, message: &Message) -> Outcome {
        // A kept connection may have gone stale. If it fails before the server accepted MAIL,
        // nothing has happened yet, and a fresh one is tried, once.
        let kept = self.idle.lock().ok().and_then(|mut idle| idle.pop());
        if let Some(mut kept) = kept
            && let Ok(()) = kept.mail_from(message).await
        {
            return self.rest(kept, message).await;
        }
        let mut fresh = match Conversation::open(&self.config).await {
            Ok(fresh) => fresh,
            // A greeting or login that is refused says nothing about the recipient.
            Err(failure) => {
                return Outcome::Temporary {
                    reply: failure.to_string(),
                };
            }
        };
        match fresh.mail_from(message).await {
            Ok(()) => self.rest(fresh, message).await,
            Err(failure) => self.judge(failure),
        }
    }

    async fn rest(&self, mut conversation: Conversation, message: &Message) -> Outcome {
        let step = async {
            conversation.rcpt_to(message.to.expose()).await?;
            conversation.data().await?;
            conversation.body(&message.bytes).await
        };
        if let Err(failure) = step.await {
            if matches!(failure, Failure::Refused(_)) && conversation.reset().await.is_ok() {
                self.keep(conversation);
            }
            return self.judge(failure);
        }
        // From the first byte of this on, a failure leaves open whether the server took the mail.
        match conversation.final_dot().await {
            Ok(reply) => {
                self.keep(conversation);
                self.rules.classify(&reply)
            }
            Err(failure) => Outcome::Unknown {
                reply: failure.to_string(),
            },
        }
    }

    fn judge(&self, failure: Failure) -> Outcome {
        match failure {
            Failure::Refused(reply) => self.rules.classify(&reply),
            other => Outcome::Temporary {
                reply: other.to_string(),
            },
        }
    }

    fn keep(&self, conversation: Conversation) {
        if let Ok(mut idle) = self.idle.lock() {
            idle.push(conversation);
        }
    }
}

impl Mailer for SmtpMailer {
    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Outcome> {
        self.send_message(message).boxed()
    }
}
