//! What the API tells, and that the trail says who was told.

use axum::http::StatusCode;
use kvit_store::ApiScope;
use serde_json::json;

use crate::{Robot, URL, World, body, refused, seed, trail};

#[tokio::test]
async fn a_customer_is_read_and_the_trail_says_so() {
    let world = World::new(URL).await;
    let robot = Robot::new(&world, "crm", &ApiScope::ALL).await;
    let answer = robot.get("/api/v1/customers/1000001").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    let anna = json!({
        "number": "1000001", "name": "Анна", "city": "София", "language": "bg", "closed_on": null,
        "holder_since": null,
    });
    assert_eq!(body(&answer), anna);
    let told = trail(&world, "api:crm").await;
    let [event] = told.as_slice() else {
        panic!("one event: {told:?}")
    };
    assert_eq!(
        (event.what.as_str(), event.subject.as_str()),
        ("customer.viewed", "customer/1000001")
    );
}

#[tokio::test]
async fn bills_come_page_by_page_and_add_up() {
    let world = World::new(URL).await;
    seed::history(&world.store, &world.key).await;
    let robot = Robot::new(&world, "crm", &ApiScope::ALL).await;
    let place = format!("/api/v1/customers/{}", seed::MARIA);
    let (mut seen, mut cursor) = (Vec::new(), None::<String>);
    let mut pages = 0;
    loop {
        let more = cursor.map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
        let page = body(&robot.get(&format!("{place}/bills?limit=7{more}")).await);
        let bills = page["bills"].as_array().expect("bills").clone();
        seen.extend(bills);
        pages += 1;
        cursor = page["next"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!((seen.len(), pages), (30, 5));
    let numbers: Vec<_> = seen.iter().map(|bill| bill["number"].as_str()).collect();
    assert!(
        numbers.is_sorted_by(|a, b| a > b),
        "newest first, none twice"
    );
    let balance = body(&robot.get(&format!("{place}/balance")).await);
    let open: i64 = seen
        .iter()
        .filter_map(|bill| bill["open_cents"].as_i64())
        .sum();
    assert_eq!(balance["open_cents"], json!(open));
    let asked = balance["bills"].as_array().expect("bills").iter();
    assert_eq!(
        asked
            .filter_map(|bill| bill["open_cents"].as_i64())
            .sum::<i64>(),
        open
    );
    for wrong in [
        "limit=0",
        "limit=101",
        "limit=x",
        "cursor=1",
        "page=2",
        "limit=1&limit=2",
    ] {
        let answer = robot.get(&format!("{place}/bills?{wrong}")).await;
        refused(&answer, 422, "not-valid");
    }
}

#[tokio::test]
async fn a_bill_tells_how_it_travelled_and_gives_its_document() {
    let world = World::new(URL).await;
    let robot = Robot::new(&world, "crm", &ApiScope::ALL).await;
    let bill = seed::first_bill();
    let told = body(&robot.get(&format!("/api/v1/bills/{bill}")).await);
    assert_eq!(told["bill"]["number"], json!(bill.to_string()));
    assert_eq!(told["bill"]["open_cents"], json!(8420));
    assert_eq!(told["deliveries"][0]["id"], json!(format!("{bill}-1")));
    assert_eq!(told["deliveries"][0]["confirmed"], json!(null));
    let mut reader = world.browser();
    let path = world.receipt_path();
    reader.post(&path, "x=y").await;
    let told = body(&robot.get(&format!("/api/v1/bills/{bill}")).await);
    assert!(told["deliveries"][0]["confirmed"].is_string(), "{told}");
    let pdf = robot.get(&format!("/api/v1/bills/{bill}/pdf")).await;
    assert_eq!(pdf.header("content-type"), "application/pdf");
    assert_eq!(pdf.body, format!("%PDF-1.7 {bill}"));
}

#[tokio::test]
async fn an_enrolment_and_what_happened_never_show_an_address() {
    let world = World::new(URL).await;
    seed::enrol(&world.store, seed::ANNA, "anna.ivanova@primer.bg").await;
    let robot = Robot::new(&world, "crm", &ApiScope::ALL).await;
    let answer = robot.get("/api/v1/customers/1000001/enrolment").await;
    assert_eq!(answer.header("etag"), "\"2\"");
    let told = body(&answer);
    assert_eq!(
        (&told["state"], &told["email"]),
        (&json!("active"), &json!("a•••@primer.bg"))
    );
    assert_eq!(told["also_on_paper"], true, "no bill is confirmed yet");
    let history = robot
        .get("/api/v1/customers/1000001/history?language=en")
        .await;
    assert_eq!(history.status, StatusCode::OK);
    assert!(!history.body.contains("anna.ivanova"), "{}", history.body);
    assert!(history.body.contains("a•••@primer.bg"), "{}", history.body);
    let wrong = robot
        .get("/api/v1/customers/1000001/history?language=de")
        .await;
    refused(&wrong, 422, "not-valid");
}

#[tokio::test]
async fn a_customer_is_found_by_telephone() {
    let world = World::new(URL).await;
    let person = serde_json::from_value(json!({
        "number": "1000009", "name": "Вера", "address": { "city": "Русе" }, "phone": "0888 123 456",
    }));
    let person = person.expect("a customer");
    world.store.upsert_customers(&[person]).await.expect("kept");
    let robot = Robot::new(&world, "ivr", &[ApiScope::CustomersRead]).await;
    let find = async |phone: &str| {
        let wanted = json!({ "phone": phone }).to_string();
        robot
            .call("POST", "/api/v1/customers/search", &wanted, &[])
            .await
    };
    let found = body(&find("+359888123456").await);
    assert_eq!(found["customers"][0]["number"], json!("1000009"));
    assert_eq!(found["more"], json!(false));
    assert_eq!(body(&find("0888123457").await)["customers"], json!([]));
    for wrong in ["", "08", "Вера", "0888;123"] {
        refused(&find(wrong).await, 422, "not-valid");
    }
    let told = trail(&world, "api:ivr").await;
    let told = told
        .iter()
        .filter(|event| event.what == "customer.searched");
    let shown: Vec<_> = told
        .map(|event| event.detail["shown"].to_string())
        .collect();
    assert!(
        shown.contains(&r#"["1000009"]"#.to_owned()) && shown.len() == 2,
        "{shown:?}"
    );
}
