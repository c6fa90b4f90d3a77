//! One who came to a service centre has signed the declaration on its screen: by the pages that a clerk has for it, as a browser
//! would send them.

use std::io::{Error, Result as IoResult};

use kvit_billing::{CustomerNumber, Language, Role, ports::Rng};
use tokio_util::sync::CancellationToken;

use super::{
    super::{
        bench::client::{self, Browser, Line},
        staff::{NewAccount, signed_in},
    },
    Show,
    scans::DECLARATIONS,
    steps::{CENTRE, Step},
};
use crate::{
    exit::{Context, Failure},
    wiring::SystemRng,
};

/// What was written with a finger.
const SIGNATURE: &str = "120,300 150,180 200,90 235,110 220,200 170,290 150,320;140,215 260,205;290,300 300,240 330,220 \
    350,250 340,300 370,305 400,240 420,225 430,300 470,300 500,230 530,225 520,290 560,300 600,240 640,230 620,300 670,300 \
    720,260 800,250 880,225;260,350 520,335 860,310";

impl Show<'_> {
    /// Gives who signed; nobody where too few are on paper.
    pub(super) async fn signed_at_the_desk(&self) -> Result<Option<CustomerNumber>, Failure> {
        let step = Step::begin(self.out, "desk");
        let on_paper = (0..self.synth.customers().min(1_000)).filter(|&i| !self.wants(i));
        // Those before sent it back by post, and one is shown as on paper still.
        let speaks = |i: &u32| self.synth.customer(*i).language == Language::Bg;
        let still = self.bulgarian(false);
        let found = on_paper
            .skip(DECLARATIONS)
            .find(|i| speaks(i) && Some(*i) != still);
        let Some(i) = found else {
            step.done("nobody came");
            return Ok(None);
        };
        let (number, email) = (self.synth.number(i), self.synth.email(i));
        let what = "a declaration cannot be signed on the screen";
        let account = NewAccount {
            login: "r.petkova".parse().failed(what)?,
            name: "Радост Петкова".to_owned(),
            role: Role::Clerk,
            centre: Some(CENTRE.to_owned()),
            second_factor: false,
            email: None,
        };
        let cookie = signed_in(&self.instance, account).await?;
        let stop = CancellationToken::new();
        let pages = kvit_web::router(self.instance.portal()?).failed(what)?;
        let address = client::listening(pages, &stop).await?;
        let mut line = Line::open(address).await.failed(what)?;
        sign(&mut line, &cookie, &number, email.expose())
            .await
            .failed(what)?;
        stop.cancel();
        step.done(&format!(
            "customer {number} signed on the screen of a service centre"
        ));
        Ok(Some(number))
    }
}

/// Recognised by a document, the address read back, and the page handed over.
async fn sign(line: &mut Line, cookie: &str, number: &CustomerNumber, email: &str) -> IoResult<()> {
    let page = format!("/staff/customers/{number}");
    let browser = Browser::open(line, &page, cookie).await?;
    let (call, consent) = (entry(), entry());
    let form = browser.form(&[("entry", &call), ("document", "1")]);
    post(line, &browser, &format!("{page}/contact"), &form, 303).await?;
    let fields = [
        ("call", call.as_str()),
        ("version", "0"),
        ("email", email),
        ("sure", email),
        ("language", "bg"),
        ("entry", &consent),
    ];
    let sign = format!("{page}/sign");
    post(line, &browser, &sign, &browser.form(&fields), 200).await?;
    let signed = [&fields[..], &[("strokes", SIGNATURE)]].concat();
    post(line, &browser, &sign, &browser.form(&signed), 303).await
}

async fn post(
    line: &mut Line,
    browser: &Browser,
    path: &str,
    form: &str,
    status: u16,
) -> IoResult<()> {
    let answer = line
        .ask(&client::post(path, &browser.cookies, form))
        .await?;
    if answer.status == status {
        return Ok(());
    }
    Err(Error::other(format!("status {} to {path}", answer.status)))
}

/// As a form has it.
fn entry() -> String {
    let mut id = [0; 16];
    SystemRng.fill(&mut id);
    hex::encode(id)
}
