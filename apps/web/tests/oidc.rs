//! Staff at an identity provider: one of our own that lies, and a certified one (`oidc-provider`) in Chromium.

mod common;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use axum::http::StatusCode;
use common::{
    Answer, Browser, PASSWORD, World,
    authenticator::{base64url, sha256},
    chrome::{Chrome, have},
    times::until,
};
use futures::future::BoxFuture;
use jiff::Timestamp;
use kvit_billing::{Role, Secret, ports::Clock};
use kvit_pay::ways::{Call, NoAnswer, Wire};
use kvit_web::{Oidc, OidcSettings};
use kvit_wire::HttpWire;
use serde_json::{Value, json};

const URL: &str = "http://localhost:8080";
const ISSUER: &str = "https://login.example.bg/realms/kvit";
const SIGN_IN: &str = "/staff/sign-in/oidc";

fn settings(issuer: &str) -> OidcSettings {
    let roles = [
        ("kvit-agents", Role::Agent),
        ("kvit-billing", Role::Billing),
    ];
    OidcSettings {
        issuer: issuer.to_owned(),
        client_id: "kvit".to_owned(),
        client_secret: Secret::new("s3cret+/=".to_owned()),
        title: "Светлина ID".to_owned(),
        scopes: vec!["profile".to_owned(), "groups".to_owned()],
        login_claim: "preferred_username".to_owned(),
        roles_claim: "groups".to_owned(),
        roles: roles.map(|(group, role)| (group.to_owned(), role)).into(),
        centre_claim: String::new(),
        acr_values: Vec::new(),
        create_accounts: true,
    }
}

/// A provider that says what a test wants.
struct Liar {
    said: Mutex<Said>,
}

struct Said {
    issuer: String,
    key: EcdsaKeyPair,
    kid: &'static str,
    /// Made of the claims by a test.
    token: String,
    /// What it was sent last.
    form: String,
    is_silent: bool,
}

fn key() -> EcdsaKeyPair {
    EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key")
}

impl Wire for Liar {
    fn call(&self, call: Call) -> BoxFuture<'_, Result<Vec<u8>, NoAnswer>> {
        let mut said = self.said.lock().expect("not poisoned");
        let answer = if said.is_silent {
            Err(NoAnswer::Silent(kvit_pay::ways::Silence::Slow))
        } else if call.url.ends_with("/.well-known/openid-configuration") {
            Ok(json!({
                "issuer": said.issuer, "authorization_endpoint": format!("{ISSUER}/auth"),
                "token_endpoint": format!("{ISSUER}/token"), "jwks_uri": format!("{ISSUER}/keys"),
                "end_session_endpoint": format!("{ISSUER}/out"),
                "response_types_supported": ["code"],
                "authorization_response_iss_parameter_supported": true,
            }))
        } else if call.url.ends_with("/keys") {
            let point = said.key.public_key().as_ref();
            Ok(json!({ "keys": [
                { "kty": "RSA", "use": "enc", "alg": "RSA-OAEP", "kid": "e", "n": "AQAB", "e": "AQAB" },
                { "kty": "none of ours" },
                { "kty": "EC", "use": "sig", "alg": "ES256", "crv": "P-256", "kid": said.kid,
                  "x": base64url(&point[1..33]), "y": base64url(&point[33..]) },
            ]}))
        } else {
            said.form = call.form.unwrap_or_default();
            Ok(json!({ "access_token": "x", "token_type": "Bearer", "id_token": said.token }))
        };
        Box::pin(async move { answer.map(|answer| answer.to_string().into_bytes()) })
    }

    fn reach(&self, _: String) -> BoxFuture<'_, Result<(), NoAnswer>> {
        Box::pin(async { Ok(()) })
    }
}

impl Said {
    fn signed(&self, header: &Value, claims: &Value) -> String {
        let text = [header, claims].map(|part| base64url(part.to_string().as_bytes()));
        let text = text.join(".");
        let signature = self.key.sign(&SystemRandom::new(), text.as_bytes());
        let signature = signature.expect("a signature");
        format!("{text}.{}", base64url(signature.as_ref()))
    }
}

struct Elsewhere {
    world: World,
    liar: Arc<Liar>,
}

impl Elsewhere {
    async fn new(change: impl FnOnce(&mut OidcSettings), local: bool) -> Self {
        let liar = Arc::new(Liar {
            said: Mutex::new(Said {
                issuer: ISSUER.to_owned(),
                key: key(),
                kid: "one",
                token: String::new(),
                form: String::new(),
                is_silent: false,
            }),
        });
        let mut settings = settings(ISSUER);
        change(&mut settings);
        let oidc = Oidc::new(settings, Arc::clone(&liar) as Arc<dyn Wire>);
        let world = World::known_elsewhere(URL, oidc, local).await;
        Self { world, liar }
    }

    fn said(&self) -> std::sync::MutexGuard<'_, Said> {
        self.liar.said.lock().expect("not poisoned")
    }

    /// What an honest provider says of Ana.
    fn ana(&self, asked: &Asked) -> Value {
        let now = self.world.clock.now().as_second();
        json!({
            "iss": ISSUER, "aud": "kvit", "sub": "f3a1", "iat": now, "exp": now + 300,
            "nonce": asked.nonce, "preferred_username": "Ana.P", "name": "Ана Петрова",
            "groups": ["everybody", "kvit-agents"],
        })
    }

    /// From the button to the answer, with the claims that `lie` makes of the honest ones.
    async fn walk(&self, browser: &mut Browser, lie: impl FnOnce(&mut Value)) -> Answer {
        let asked = ask(browser, "").await;
        let mut claims = self.ana(&asked);
        lie(&mut claims);
        let header = json!({ "alg": "ES256", "kid": self.said().kid });
        let token = self.said().signed(&header, &claims);
        self.said().token = token;
        back(browser, &asked.state).await
    }
}

struct Asked {
    state: String,
    nonce: String,
    challenge: String,
}

async fn ask(browser: &mut Browser, query: &str) -> Asked {
    browser.get("/staff/sign-in").await;
    let answer = browser.get(&format!("{SIGN_IN}{query}")).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    let to = answer.header("location").to_owned();
    let part = |name: &str| {
        let mark = format!("{name}=");
        let pair = to
            .split(['?', '&'])
            .find_map(|pair| pair.strip_prefix(&mark));
        pair.unwrap_or_else(|| panic!("no {name} in {to}"))
            .to_owned()
    };
    assert!(to.starts_with(&format!("{ISSUER}/auth?response_type=code&client_id=kvit")));
    assert_eq!(part("code_challenge_method"), "S256");
    assert_eq!(part("scope"), "openid%20profile%20groups");
    Asked {
        state: part("state"),
        nonce: part("nonce"),
        challenge: part("code_challenge")
            .replace("%2D", "-")
            .replace("%5F", "_"),
    }
}

async fn back(browser: &mut Browser, state: &str) -> Answer {
    let iss = ISSUER.replace(':', "%3A").replace('/', "%2F");
    let path = format!("{SIGN_IN}/back?code=c0de&state={state}&iss={iss}");
    browser.get(&path).await
}

/// Nobody is signed in, and the page says what to do.
fn refused(answer: &Answer, why: &str) {
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{why}");
    assert!(answer.body.contains(why), "{why}: {}", answer.body);
    assert!(!answer.header("set-cookie").contains("kvit_staff="));
}

const AGAIN: &str = "Входът не беше завършен";
const NO_ROLE: &str = "нямате точно една роля";

#[tokio::test]
async fn a_colleague_gets_an_account_and_the_role_of_their_group() {
    let house = Elsewhere::new(|_| {}, true).await;
    let world = &house.world;
    let mut browser = world.browser();
    let page = browser.get("/staff/sign-in").await;
    assert!(page.body.contains("Вход през Светлина ID"), "{}", page.body);
    assert!(page.body.contains("id=\"password\""));
    let asked = ask(&mut browser, "?next=/staff/password").await;
    let claims = house.ana(&asked);
    let header = json!({ "alg": "ES256", "kid": "one" });
    let token = house.said().signed(&header, &claims);
    house.said().token = token;
    let opened = back(&mut browser, &asked.state).await;
    assert_eq!(
        opened.header("location"),
        "/staff/password",
        "{}",
        opened.body
    );
    // The code was exchanged with the secret, and with the verifier of the challenge.
    let form = house.said().form.clone();
    let part = |name: &str| {
        let pair = form.split('&').find_map(|pair| pair.strip_prefix(name));
        pair.unwrap_or_else(|| panic!("no {name} in {form}"))
            .to_owned()
    };
    assert_eq!(part("grant_type="), "authorization%5Fcode");
    assert_eq!(part("client_secret="), "s3cret%2B%2F%3D");
    assert_eq!(part("code="), "c0de");
    assert!(part("redirect_uri=").ends_with("oidc%2Fback"));
    let verifier = part("code_verifier=");
    assert_eq!(base64url(&sha256(verifier.as_bytes())), asked.challenge);
    let page = browser.get("/staff/password").await;
    assert!(page.body.contains("Ана Петрова") && page.body.contains("Влизате през"));
    assert!(!page.body.contains("id=\"old\""), "no password here");
    // The same person under another name, in another group: the same account, the other role.
    let first = browser.cookies["kvit_staff"].clone();
    let again = house
        .walk(&mut browser, |claims| {
            claims["preferred_username"] = json!("a.petrova");
            claims["groups"] = json!("kvit-billing");
        })
        .await;
    assert_eq!(again.header("location"), "/staff/runs", "{}", again.body);
    assert_ne!(browser.cookies["kvit_staff"], first, "a new session");
    let people = world.store.staff().await.expect("accounts");
    assert_eq!(people.len(), 1);
    assert_eq!(
        (people[0].login.as_str(), people[0].role),
        ("ana.p", Role::Billing)
    );
    let trail = world.store.events("staff/ana.p", 9).await.expect("a trail");
    for what in ["staff.added", "staff.role-changed", "staff.signed-in"] {
        assert!(trail.iter().any(|event| event.what == what), "{what}");
    }
    assert!(trail.iter().any(|event| event.detail["way"] == "oidc"));
    // No other way in beside: no password, no passkey.
    let local = format!("login=ana.p&password={}", PASSWORD.replace(' ', "+"));
    let wrong = world.browser().post("/staff/sign-in", &local).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let keys = browser.get("/staff/passkeys").await;
    assert_eq!(keys.status, StatusCode::NOT_FOUND);
    // A role that is taken away ends what is open.
    let gone = house
        .walk(&mut world.browser(), |claims| {
            claims["groups"] = json!(["everybody"])
        })
        .await;
    refused(&gone, NO_ROLE);
    let page = browser.get("/staff/runs").await;
    assert!(page.header("location").starts_with("/staff/sign-in"));
    let back = house.walk(&mut browser, |_| {}).await;
    assert_eq!(back.header("location"), "/staff/customers");
    // Signing out leads to the provider's own way out.
    browser.post("/staff/sign-out", "").await;
    let page = browser.get("/staff/sign-in?left").await;
    assert!(
        page.body
            .contains(&format!("{ISSUER}/out?client_id=kvit&amp;post"))
            || page.body.contains("out?client_id"),
        "{}",
        page.body
    );
}

#[tokio::test]
async fn a_clerk_without_a_centre_is_told_who_mends_it_and_keeps_the_one_that_is_noted() {
    let clerks = |settings: &mut OidcSettings| {
        let group = "kvit-clerks".to_owned();
        settings.roles.insert(group, Role::Clerk);
    };
    let house = Elsewhere::new(clerks, true).await;
    let world = &house.world;
    let is_clerk = |claims: &mut Value| claims["groups"] = json!("kvit-clerks");
    let mut clerk = world.browser();
    house.walk(&mut clerk, is_clerk).await;
    let here = "/staff/customers/1000001";
    let why = "не е посочен център за клиенти";
    let page = clerk.get(here).await;
    assert!(page.body.contains(why) && !page.body.contains("id=\"code\""));
    let recognise = format!(
        "entry={:032x}&code={}",
        7,
        world.code("1000001").replace(' ', "+")
    );
    let refused = clerk.post(&format!("{here}/contact"), &recognise).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.body.contains(why) && refused.body.contains("администратор"));

    world.hire("petar", Role::Administrator).await;
    let mut petar = world.browser();
    petar.sign_in_staff("petar").await;
    let page = petar.get("/staff/people").await;
    assert!(page.body.contains("Без център за клиенти"), "{}", page.body);
    let colleague = "/staff/people/ana.p";
    let asked = petar.post(colleague, "what=centre").await;
    assert!(asked.body.contains("Ана Петрова"), "{}", asked.body);
    let empty = petar.post(colleague, "what=centre&sure=1&centre=+").await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    let nobodys = petar.post("/staff/people/petar", "what=centre&sure=1&centre=X");
    assert_eq!(nobodys.await.status, StatusCode::NOT_FOUND, "no clerk");
    let noted = petar.post(colleague, "what=centre&sure=1&centre=Sofia");
    assert!(noted.await.body.contains("Центърът е записан"));
    // Name and role are not set here, and the page says where.
    let page = petar.get("/staff/people").await.body;
    assert!(page.contains("идват от системата за вход"), "{page}");
    for press in ["what=profile", "what=profile&sure=1&name=X&role=billing"] {
        let refused = petar.post(colleague, press).await;
        assert_eq!(refused.status, StatusCode::CONFLICT);
        assert!(
            refused.body.contains("Сменете ги в нея"),
            "{}",
            refused.body
        );
    }

    // At once, and after the provider has said once more that it knows of none.
    for again in [false, true] {
        if again {
            house.walk(&mut clerk, is_clerk).await;
        }
        let page = clerk.get(here).await;
        assert!(!page.body.contains(why) && page.body.contains("id=\"code\""));
    }
    let done = clerk.post(&format!("{here}/contact"), &recognise).await;
    let to = done.header("location");
    assert!(to.ends_with("done=recognised"), "{}", done.body);
    let trail = world.store.events("customer/1000001", 9).await;
    let trail = trail.expect("a trail");
    let recognised = trail.iter().find(|one| one.what == "customer.recognised");
    assert_eq!(recognised.expect("it").detail["reference"], "Sofia");
    let trail = world.store.events("staff/ana.p", 9).await.expect("a trail");
    assert!(trail.iter().any(|one| one.what == "staff.centre-changed"));
}

#[tokio::test]
async fn a_sign_in_of_the_morning_proves_nothing_now() {
    let admins = |settings: &mut OidcSettings| {
        let group = "kvit-admins".to_owned();
        settings.roles.insert(group, Role::Administrator);
    };
    let house = Elsewhere::new(admins, true).await;
    let mut browser = house.world.browser();
    let now = house.world.clock.now().as_second();
    let again = "/staff/sign-in?again&next=/staff/people";
    for (said, fresh) in [
        (Value::Null, false),
        (json!(now - 3_600), false),
        (json!(now - 60), true),
    ] {
        house
            .walk(&mut browser, |claims| {
                claims["groups"] = json!("kvit-admins");
                claims["auth_time"] = said.clone();
            })
            .await;
        let answer = browser.post("/staff/people", "login=x").await;
        let to = if fresh { "" } else { again };
        assert_eq!(answer.header("location"), to, "{said}: {}", answer.body);
    }
    house.world.clock.forward(16 * 60);
    let answer = browser.post("/staff/people", "login=x").await;
    assert_eq!(answer.header("location"), again);
    let page = browser.get(again).await;
    let door = "oidc?next=&#x2f;staff&#x2f;people&amp;again";
    assert!(page.body.contains(door), "{}", page.body);
    let to = browser
        .get(&format!("{SIGN_IN}?next=/staff/people&again"))
        .await;
    let to = to.header("location");
    assert!(to.ends_with("&prompt=login&max_age=0"), "{to}");
}

#[tokio::test]
async fn no_token_but_an_honest_one_opens() {
    let house = Elsewhere::new(|_| {}, true).await;
    let mut browser = house.world.browser();
    let now = house.world.clock.now().as_second();
    type Lie = fn(&mut Value, i64);
    let lies: &[(&str, Lie)] = &[
        ("nonce", |c, _| c["nonce"] = json!("other")),
        ("no nonce", |c, _| c["nonce"] = Value::Null),
        ("issuer", |c, _| {
            c["iss"] = json!("https://login.example.bg/realms/other")
        }),
        ("issuer with a slash", |c, _| {
            c["iss"] = json!(format!("{ISSUER}/"))
        }),
        ("audience", |c, _| c["aud"] = json!("other")),
        ("no audience", |c, _| c["aud"] = Value::Null),
        ("audiences", |c, _| c["aud"] = json!(["kvit", "other"])),
        ("given to another", |c, _| c["azp"] = json!("other")),
        ("expired", |c, now| c["exp"] = json!(now - 31)),
        ("for ever", |c, _| c["exp"] = Value::Null),
        ("expires as text", |c, _| c["exp"] = json!("2999999999")),
        ("old", |c, now| c["iat"] = json!(now - 3600)),
        ("of tomorrow", |c, now| c["iat"] = json!(now + 86400)),
        ("not yet", |c, now| c["nbf"] = json!(now + 3600)),
        ("nobody", |c, _| c["sub"] = json!("")),
        ("a number", |c, _| c["sub"] = json!(1)),
    ];
    for (what, lie) in lies {
        let answer = house.walk(&mut browser, |claims| lie(claims, now)).await;
        eprintln!("{what}");
        refused(&answer, AGAIN);
    }
    let both = |claims: &mut Value| {
        claims["aud"] = json!(["kvit", "other"]);
        claims["azp"] = json!("kvit");
    };
    let opened = house.walk(&mut browser, both).await;
    assert_eq!(opened.status, StatusCode::SEE_OTHER, "{}", opened.body);
    // Tokens that are not signed as they should be.
    type Forge = fn(&Said, &Value) -> String;
    let forgeries: &[(&str, Forge)] = &[
        ("none", |said, claims| {
            let token = said.signed(&json!({ "alg": "none" }), claims);
            token
                .rsplit_once('.')
                .map(|(text, _)| format!("{text}."))
                .expect("three parts")
        }),
        ("none, signed", |said, claims| {
            said.signed(&json!({ "alg": "none", "kid": "one" }), claims)
        }),
        ("HMAC with the public key", |said, claims| {
            let header = json!({ "alg": "HS256", "kid": "one" });
            let text = [&header, claims].map(|part| base64url(part.to_string().as_bytes()));
            let text = text.join(".");
            let key = hmac::Key::new(hmac::HMAC_SHA256, said.key.public_key().as_ref());
            format!(
                "{text}.{}",
                base64url(hmac::sign(&key, text.as_bytes()).as_ref())
            )
        }),
        ("another algorithm", |said, claims| {
            said.signed(&json!({ "alg": "RS256", "kid": "one" }), claims)
        }),
        ("another key", |said, claims| {
            let other = Said {
                issuer: String::new(),
                key: key(),
                kid: "one",
                token: String::new(),
                form: String::new(),
                is_silent: false,
            };
            let _ = said;
            other.signed(&json!({ "alg": "ES256", "kid": "one" }), claims)
        }),
        ("a key that nobody published", |said, claims| {
            said.signed(&json!({ "alg": "ES256", "kid": "x" }), claims)
        }),
        ("a key of its own", |said, claims| {
            said.signed(&json!({ "alg": "ES256", "kid": "x", "jwk": { "kty": "EC" }, "jku": "https://evil.example" }), claims)
        }),
        ("changed afterwards", |said, claims| {
            let token = said.signed(&json!({ "alg": "ES256", "kid": "one" }), claims);
            let mut claims = claims.clone();
            claims["groups"] = json!(["kvit-billing"]);
            let parts: Vec<_> = token.split('.').collect();
            format!(
                "{}.{}.{}",
                parts[0],
                base64url(claims.to_string().as_bytes()),
                parts[2]
            )
        }),
        ("nothing", |_, _| String::new()),
        ("dots", |_, _| "..".to_owned()),
    ];
    for (what, forge) in forgeries {
        let asked = ask(&mut browser, "").await;
        let claims = house.ana(&asked);
        let token = forge(&house.said(), &claims);
        house.said().token = token;
        eprintln!("{what}");
        refused(&back(&mut browser, &asked.state).await, AGAIN);
    }
}

#[tokio::test]
async fn a_sign_in_is_as_strong_as_it_was_asked_to_be() {
    let strong = |settings: &mut OidcSettings| {
        settings.acr_values = vec![
            "phr".to_owned(),
            "https://refeds.org/profile/mfa".to_owned(),
        ];
    };
    let house = Elsewhere::new(strong, true).await;
    let mut browser = house.world.browser();
    let answer = browser.get(SIGN_IN).await;
    let to = answer.header("location");
    assert!(to.contains("&acr_values=phr%20https%3A%2F%2F"), "{to}");
    for acr in [
        Value::Null,
        json!("0"),
        json!(["phr"]),
        json!("PHR"),
        json!(""),
    ] {
        let said = |claims: &mut Value| claims["acr"] = acr;
        refused(&house.walk(&mut browser, said).await, AGAIN);
    }
    let said = |claims: &mut Value| claims["acr"] = json!("phr");
    let opened = house.walk(&mut browser, said).await;
    assert_eq!(opened.status, StatusCode::SEE_OTHER, "{}", opened.body);
}

#[tokio::test]
async fn a_state_is_its_browser_s_and_good_once() {
    let house = Elsewhere::new(|_| {}, true).await;
    let mut browser = house.world.browser();
    let prepared = async |browser: &mut Browser| {
        let asked = ask(browser, "").await;
        let header = json!({ "alg": "ES256", "kid": "one" });
        let token = house.said().signed(&header, &house.ana(&asked));
        house.said().token = token;
        asked.state
    };
    let state = prepared(&mut browser).await;
    let opened = back(&mut browser, &state).await;
    assert_eq!(opened.status, StatusCode::SEE_OTHER, "{}", opened.body);
    refused(&back(&mut browser, &state).await, AGAIN);
    // Brought to somebody else's browser, too late, or made up.
    let state = prepared(&mut browser).await;
    let mut victim = house.world.browser();
    victim.get("/staff/sign-in").await;
    refused(&back(&mut victim, &state).await, AGAIN);
    let state = prepared(&mut browser).await;
    house.world.clock.forward(15 * 60);
    refused(&back(&mut browser, &state).await, AGAIN);
    for state in ["", "x", "0123456789abcdef0123456789abcdef"] {
        refused(&back(&mut browser, state).await, AGAIN);
    }
    // Another provider's answer, none that names itself, a refusal, no code.
    for query in [
        "code=c0de&iss=https%3A%2F%2Fevil.example",
        "code=c0de",
        "error=access_denied&iss=https%3A%2F%2Flogin.example.bg%2Frealms%2Fkvit",
        "iss=https%3A%2F%2Flogin.example.bg%2Frealms%2Fkvit",
    ] {
        let state = prepared(&mut browser).await;
        let path = format!("{SIGN_IN}/back?{query}&state={state}");
        refused(&browser.get(&path).await, AGAIN);
    }
    // Only our own pages follow.
    let state = prepared(&mut browser).await;
    let opened = back(&mut browser, &format!("{state}//evil.example")).await;
    assert_eq!(opened.header("location"), "/staff/customers");
}

#[tokio::test]
async fn keys_change_and_providers_fall_silent() {
    let house = Elsewhere::new(|_| {}, true).await;
    let mut browser = house.world.browser();
    for kid in ["one", "two", "three"] {
        {
            let mut said = house.said();
            (said.key, said.kid) = (key(), kid);
        }
        let opened = house.walk(&mut browser, |_| {}).await;
        assert_eq!(
            opened.status,
            StatusCode::SEE_OTHER,
            "{kid}: {}",
            opened.body
        );
    }
    let house = Elsewhere::new(|_| {}, true).await;
    house.said().is_silent = true;
    let mut browser = house.world.browser();
    browser.get("/staff/sign-in").await;
    let answer = browser.get(SIGN_IN).await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert!(answer.body.contains("не отговаря"), "{}", answer.body);
    // Speaking for somebody else is as good as silent.
    house.said().is_silent = false;
    house.said().issuer = "https://evil.example".to_owned();
    let answer = browser.get(SIGN_IN).await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
}

#[tokio::test]
async fn accounts_are_nobody_else_s_and_made_where_they_may_be() {
    let house = Elsewhere::new(|_| {}, true).await;
    let world = &house.world;
    // A colleague's account is not taken over by a name.
    world.hire("ana.p", Role::Administrator).await;
    let mut browser = world.browser();
    let taken = house.walk(&mut browser, |_| {}).await;
    refused(&taken, "вече е на друг профил");
    let other = house
        .walk(&mut browser, |claims| {
            claims["preferred_username"] = json!("<b>")
        })
        .await;
    refused(&other, "не идва потребителско име");
    // Two roles are none.
    let two = house
        .walk(&mut browser, |claims| {
            claims["groups"] = json!(["kvit-agents", "kvit-billing"])
        })
        .await;
    refused(&two, NO_ROLE);

    let house = Elsewhere::new(
        |settings| {
            settings.create_accounts = false;
            settings.roles_claim = "realm_access.roles".to_owned();
        },
        false,
    )
    .await;
    let world = &house.world;
    let nested = |claims: &mut Value| claims["realm_access"] = json!({ "roles": ["kvit-agents"] });
    let mut browser = world.browser();
    refused(&house.walk(&mut browser, nested).await, "още нямате профил");
    // Nothing but the provider: no password, no passkey.
    let page = browser.get("/staff/sign-in").await;
    assert!(!page.body.contains("id=\"password\"") && !page.body.contains("passkey"));
    world.hire("boss", Role::Administrator).await;
    let form = format!("login=boss&password={}", PASSWORD.replace(' ', "+"));
    let local = browser.post("/staff/sign-in", &form).await;
    assert_eq!(local.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certified_provider_signs_in_in_chromium() {
    let folder = std::env::var_os("KVIT_OIDC_PROVIDER").map(PathBuf::from);
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let target = target
        .unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target")));
    let folder = folder.unwrap_or_else(|| target.join("oidc"));
    let module = folder.join("node_modules/oidc-provider/lib/index.js");
    if !have(
        "oidc-provider (npm; KVIT_OIDC_PROVIDER names its folder)",
        module.exists(),
    ) {
        return;
    }
    let Some(mut chrome) = Chrome::open().await else {
        return;
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let url = format!(
        "http://localhost:{}",
        listener.local_addr().expect("an address").port()
    );
    // Nobody else is given the provider's port while this is bound; the provider listens beside it.
    let held = tokio::net::TcpSocket::new_v4().expect("a socket");
    held.set_reuseaddr(true).expect("a setting");
    let any = "127.0.0.1:0".parse().expect("an address");
    held.bind(any).expect("a port");
    let port = held.local_addr().expect("an address").port();
    let issuer = format!("http://localhost:{port}");
    let oidc = Oidc::new(settings(&issuer), Arc::new(HttpWire::default()));
    let world = World::known_elsewhere(&url, oidc, true).await;
    // The provider's tokens are of the true time, however long a page takes.
    let clock = Arc::clone(&world.clock);
    tokio::spawn(async move {
        loop {
            clock.set(Timestamp::now());
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    });
    let service = world
        .router
        .clone()
        .into_make_service_with_connect_info::<std::net::SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../conformance/oidc_provider.mjs"
    );
    // The second time it has other keys.
    for (turn, width) in [(1, 390), (2, 1280)] {
        let provider = tokio::process::Command::new("node")
            .args([
                script,
                module.to_str().expect("text"),
                &port.to_string(),
                &url,
            ])
            .kill_on_drop(true)
            .spawn();
        let mut provider = provider.expect("node");
        let open = async || {
            let stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await;
            stream.ok()
        };
        until("the provider opens", open).await;
        chrome.visit(&url).await;
        chrome.width(width).await;
        chrome.go("/staff/sign-in").await;
        chrome.follow("#oidc a").await;
        chrome.fill("[name=login]", "ana").await;
        chrome.fill("[name=password]", "any").await;
        chrome.follow("button[type=submit]").await;
        if chrome.path().await.starts_with("http") {
            // Whether we may know.
            chrome.follow("button[type=submit]").await;
        }
        assert_eq!(
            chrome.path().await,
            "/staff/customers",
            "{}",
            chrome.html().await
        );
        assert!(chrome.text(".who").await.contains("Ана Петрова"));
        // It asks once more, although she is signed in there.
        chrome
            .go("/staff/sign-in/oidc?next=/staff/password&again")
            .await;
        chrome.fill("[name=login]", "ana").await;
        chrome.fill("[name=password]", "any").await;
        chrome.follow("button[type=submit]").await;
        if chrome.path().await.starts_with("http") {
            chrome.follow("button[type=submit]").await;
        }
        assert_eq!(chrome.path().await, "/staff/password");
        chrome.follow("header form button").await;
        assert!(chrome.text("[role=status]").await.contains("Излезте и от"));
        chrome.follow("[role=status] a").await;
        assert!(chrome.path().await.starts_with(&issuer), "turn {turn}");
        provider.kill().await.expect("ended");
    }
    let people = world.store.staff().await.expect("accounts");
    assert_eq!(people.len(), 1);
    assert_eq!(
        (people[0].login.as_str(), people[0].role),
        ("ana", Role::Agent)
    );
}
