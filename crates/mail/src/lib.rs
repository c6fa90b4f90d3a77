//! Mail messages for bills, and what a mail server's answers mean
