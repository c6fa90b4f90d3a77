//! The words about customers.

use clap::{Args, Subcommand};
use kvit_billing::CustomerNumber;

#[derive(Debug, Subcommand)]
pub(crate) enum CustomerCommand {
    /// Make a customer's access code void; the next bill has another one
    #[command(after_help = "\
Example:
  kvit customer new-code 1000042

For a customer whose code somebody else knows. What was opened with it ends: sessions, passkeys,
the password, readers, and addresses that wait for their proof. Nobody is shown the new code: it
is printed on the next bill, and until then a link by mail signs in. Bills that were issued
before have the old one.")]
    NewCode(NewCodeArgs),
}

#[derive(Args, Debug)]
pub(crate) struct NewCodeArgs {
    /// The customer number, as on the bill
    pub(crate) number: CustomerNumber,
}
