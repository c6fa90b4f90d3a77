//! Mail out over SMTP, one observed conversation a message
