//! An SMTP server that keeps what it is sent, with pages to read it
