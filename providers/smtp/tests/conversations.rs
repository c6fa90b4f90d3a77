//! Real conversations between the mailer and the mailbox.

use std::sync::Arc;

use kvit_billing::Secret;
use kvit_mail::{Message, Outcome};
use kvit_mailbox::{Faults, Mailbox, MailboxConfig};
use kvit_smtp::{SmtpConfig, SmtpError, SmtpMailer, SmtpSecurity};

const BODY: &[u8] = b"Subject: dots\r\n\r\n.\r\n..two\r\n.hidden\r\nend.\r\n";

async fn mailbox(config: MailboxConfig) -> Mailbox {
    Mailbox::start(config).await.expect("the mailbox starts")
}

fn config(mailbox: &Mailbox) -> SmtpConfig {
    SmtpConfig {
        host: "localhost".to_owned(),
        port: mailbox.smtp_addr.port(),
        security: SmtpSecurity::Plain,
        allow_plain_remote: false,
        user: None,
        password: None,
        hello_name: "kvit.example.bg".to_owned(),
        connections: 4,
        timeout_s: 10,
        extra_root_pem: None,
    }
}

fn mailer(config: SmtpConfig) -> SmtpMailer {
    SmtpMailer::new(config).expect("valid settings")
}

fn message(to: &str) -> Message {
    Message {
        id: "1@example.bg".to_owned(),
        return_path: "bounce+1@example.bg".to_owned(),
        to: Secret::new(to.to_owned()),
        bytes: BODY.to_vec(),
    }
}

#[tokio::test]
async fn the_exact_bytes_arrive() {
    let mailbox = mailbox(MailboxConfig::default()).await;
    let mailer = mailer(config(&mailbox));
    for _ in 0..2 {
        let outcome = mailer.send_message(&message("ivan@abv.bg")).await;
        assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
    }
    let kept = mailbox.messages();
    assert_eq!(kept.len(), 2);
    assert_eq!(kept[0].bytes, BODY);
    assert_eq!(
        (kept[1].from.as_str(), kept[1].to[0].as_str()),
        ("bounce+1@example.bg", "ivan@abv.bg")
    );
}

#[tokio::test]
async fn starttls_and_login() {
    let made =
        rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der())
        .expect("a key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("a server");
    let mailbox = mailbox(MailboxConfig {
        tls: Some(Arc::new(tls)),
        require_login: true,
        ..MailboxConfig::default()
    })
    .await;
    let secure = SmtpConfig {
        security: SmtpSecurity::StartTls,
        extra_root_pem: Some(made.cert.pem().into_bytes()),
        ..config(&mailbox)
    };
    let nameless = mailer(secure.clone())
        .send_message(&message("ivan@abv.bg"))
        .await;
    assert!(
        matches!(nameless, Outcome::Temporary { .. }),
        "{nameless:?}"
    );
    let login = SmtpConfig {
        user: Some("kvit".to_owned()),
        password: Some(Secret::new("secret".to_owned())),
        ..secure.clone()
    };
    let outcome = mailer(login).send_message(&message("ivan@abv.bg")).await;
    assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
    let distrustful = SmtpConfig {
        extra_root_pem: None,
        ..secure
    };
    let outcome = mailer(distrustful)
        .send_message(&message("ivan@abv.bg"))
        .await;
    assert!(matches!(outcome, Outcome::Temporary { .. }), "{outcome:?}");
    assert_eq!(mailbox.count(), 1);
}

#[tokio::test]
async fn refusals_are_told_apart_and_leave_the_connection_usable() {
    let faults = Faults {
        reject_containing: "nobody".to_owned(),
        greylist: true,
        ..Faults::default()
    };
    let mailbox = mailbox(MailboxConfig {
        faults,
        ..MailboxConfig::default()
    })
    .await;
    let mailer = mailer(config(&mailbox));
    let permanent = mailer.send_message(&message("nobody@abv.bg")).await;
    assert!(
        matches!(permanent, Outcome::Permanent { .. }),
        "{permanent:?}"
    );
    let first = mailer.send_message(&message("ivan@abv.bg")).await;
    assert!(matches!(first, Outcome::Temporary { .. }), "{first:?}");
    let second = mailer.send_message(&message("ivan@abv.bg")).await;
    assert!(matches!(second, Outcome::Accepted { .. }), "{second:?}");
    assert_eq!(mailbox.count(), 1);
}

#[tokio::test]
async fn a_connection_lost_after_the_dot_is_unknown_and_before_it_temporary() {
    let faults = Faults {
        drop_after_dot_every: 1,
        ..Faults::default()
    };
    let after = mailbox(MailboxConfig {
        faults,
        ..MailboxConfig::default()
    })
    .await;
    let outcome = mailer(config(&after))
        .send_message(&message("ivan@abv.bg"))
        .await;
    assert!(matches!(outcome, Outcome::Unknown { .. }), "{outcome:?}");
    assert_eq!(after.count(), 1);

    let faults = Faults {
        drop_at_data: true,
        ..Faults::default()
    };
    let before = mailbox(MailboxConfig {
        faults,
        ..MailboxConfig::default()
    })
    .await;
    let outcome = mailer(config(&before))
        .send_message(&message("ivan@abv.bg"))
        .await;
    assert!(matches!(outcome, Outcome::Temporary { .. }), "{outcome:?}");
    assert_eq!(before.count(), 0);
}

#[tokio::test]
async fn several_conversations_at_once() {
    let mailbox = mailbox(MailboxConfig {
        connections_max: 4,
        ..MailboxConfig::default()
    })
    .await;
    let mailer = mailer(config(&mailbox));
    let mail = message("ivan@abv.bg");
    let outcomes = futures::future::join_all((0..40).map(|_| mailer.send_message(&mail))).await;
    assert!(
        outcomes
            .iter()
            .all(|outcome| matches!(outcome, Outcome::Accepted { .. }))
    );
    assert_eq!(mailbox.count(), 40);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_temporary_and_addresses_cannot_carry_commands() {
    let mailbox = mailbox(MailboxConfig::default()).await;
    let outcome = mailer(config(&mailbox))
        .send_message(&message("ivan@abv.bg>\r\nRSET"))
        .await;
    assert!(matches!(outcome, Outcome::Temporary { .. }), "{outcome:?}");
    assert_eq!(mailbox.count(), 0);
    let settings = config(&mailbox);
    drop(mailbox);
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    let outcome = mailer(settings.clone())
        .send_message(&message("ivan@abv.bg"))
        .await;
    assert!(matches!(outcome, Outcome::Temporary { .. }), "{outcome:?}");
    let remote = SmtpConfig {
        host: "192.0.2.1".to_owned(),
        ..settings
    };
    assert!(matches!(
        SmtpMailer::new(remote),
        Err(SmtpError::PlainRemote(_))
    ));
}
