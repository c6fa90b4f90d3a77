//! Number and code, as a telephone robot hears them.

use axum::http::StatusCode;
use kvit_store::ApiScope;
use serde_json::{Value, json};

use crate::{Answer, Robot, URL, World, body, refused, seed, trail};

async fn verify(robot: &Robot<'_>, number: &str, code: &str, caller: &str) -> Answer {
    let said = json!({ "number": number, "code": code, "caller": caller });
    let path = "/api/v1/codes/verify";
    robot.call("POST", path, &said.to_string(), &[]).await
}

fn answer(answer: &Answer) -> Value {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    body(answer)["verified"].clone()
}

#[tokio::test]
async fn the_right_code_is_right_and_others_look_the_same() {
    let world = World::with_limits(URL, 3, 5).await;
    let robot = Robot::new(&world, "ivr", &[ApiScope::CodesVerify]).await;
    let code = world.code(seed::ANNA);
    let right = verify(&robot, seed::ANNA, &code, "0888").await;
    assert_eq!(answer(&right), json!(true));
    assert!(!right.body.contains(&code.replace(' ', "")));
    let wrong = verify(&robot, seed::BORIS, &code, "0888").await;
    let unknown = verify(&robot, "7777777", &code, "0888").await;
    assert_eq!((answer(&wrong), wrong.body), (json!(false), unknown.body));
    let told = trail(&world, "api:ivr").await;
    let mut told: Vec<_> = told.iter().map(|event| event.what.as_str()).collect();
    told.sort_unstable_by(|a, b| b.cmp(a));
    let missed = "customer.not-recognised";
    assert_eq!(told, ["customer.recognised", missed, missed]);
}

#[tokio::test]
async fn wrong_codes_close_the_line_for_the_number_and_for_the_caller() {
    let world = World::with_limits(URL, 3, 5).await;
    let robot = Robot::new(&world, "ivr", &[ApiScope::CodesVerify]).await;
    for caller in ["1", "2"] {
        let wrong = verify(&robot, seed::ANNA, "00000000", caller).await;
        assert_eq!(answer(&wrong), json!(false));
    }
    let closed = verify(&robot, seed::ANNA, "00000000", "3").await;
    refused(&closed, 429, "locked");
    let code = world.code(seed::ANNA);
    let right = verify(&robot, seed::ANNA, &code, "4").await;
    refused(&right, 429, "locked");
    assert!(right.header("retry-after").parse::<u32>().is_ok());
    // The hotline counts with it: staff ask the same counter.
    for number in ["9000001", "9000002", "9000003", "9000004"] {
        assert_eq!(
            answer(&verify(&robot, number, "00000000", "5").await),
            json!(false)
        );
    }
    let fifth = verify(&robot, "9000005", "00000000", "5").await;
    refused(&fifth, 429, "locked");
    let code = world.code(seed::BORIS);
    refused(
        &verify(&robot, seed::BORIS, &code, "5").await,
        429,
        "locked",
    );
    assert_eq!(
        answer(&verify(&robot, seed::BORIS, &code, "6").await),
        json!(true)
    );
    world.clock.forward_hours(1);
    let code = world.code(seed::ANNA);
    assert_eq!(
        answer(&verify(&robot, seed::ANNA, &code, "5").await),
        json!(true)
    );
}

#[tokio::test]
async fn what_cannot_be_a_code_is_not_compared() {
    let world = World::with_limits(URL, 1, 1).await;
    let robot = Robot::new(&world, "ivr", &[ApiScope::CodesVerify]).await;
    for (number, code, caller) in [
        ("", "12345678", "1"),
        ("1000001", "1234567", "1"),
        ("1000001", "1234567a", "1"),
        ("1000001", "12345678", ""),
        ("1000001", "12345678", "1\u{0}"),
    ] {
        refused(
            &verify(&robot, number, code, caller).await,
            422,
            "not-valid",
        );
    }
    let code = world.code(seed::ANNA);
    assert_eq!(
        answer(&verify(&robot, seed::ANNA, &code, "1").await),
        json!(true)
    );
}
