//! The OpenAPI 3.1 document, made of the list of operations and of the types that they take and give.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use super::{API_OPERATIONS, Gives, Operation, What, problem::Problem, read, shape};

/// A parameter of a query.
pub(super) struct Parameter {
    name: &'static str,
    description: &'static str,
    schema: fn() -> Value,
}

pub(super) const CURSOR: Parameter = Parameter {
    name: "cursor",
    description: "`next` of the page before; without one the newest.",
    schema: || json!({ "type": "string", "pattern": "^[0-9]{10}$" }),
};
pub(super) const LIMIT: Parameter = Parameter {
    name: "limit",
    description: "How many at most.",
    schema: || json!({ "type": "integer", "minimum": 1, "maximum": read::BILLS_MAX, "default": read::BILLS_USUAL }),
};
pub(super) const LANGUAGE: Parameter = Parameter {
    name: "language",
    description: "Of the words.",
    schema: || json!({ "type": "string", "enum": ["bg", "en"], "default": "bg" }),
};

const ABOUT: &str = "For the operator's own systems. Each call carries `Authorization: Bearer kvit_…`, a token from \
    `kvit api token add` with the scope that the operation names; each look at a customer and each change stands in the audit trail. A change carries an \
    `Idempotency-Key`: sent again under the same key it gives the first answer for seven days. Times are UTC, amounts \
    are whole cents. A fault is `application/problem+json` (RFC 9457) and says what to do.";

/// The document.
#[must_use]
pub fn openapi() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let problem = shape::<Problem>(&mut generator);
    let mut paths = Map::new();
    for one in API_OPERATIONS {
        let of = paths.entry(one.path).or_insert_with(|| json!({}));
        of[one.method.to_lowercase()] = operation(one, &mut generator);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Kvit",
            "version": "1",
            "description": ABOUT,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": generator.take_definitions(true),
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            "responses": {
                "Problem": {
                    "description": "Refused or failed; the body says why and what to do.",
                    "content": { "application/problem+json": { "schema": problem } },
                },
            },
        },
    })
}

fn operation(one: &Operation, generator: &mut SchemaGenerator) -> Value {
    let mut said = json!({
        "operationId": one.name,
        "summary": one.summary,
        "security": match one.scope {
            Some(_) => json!([{ "token": [] }]),
            None => json!([]),
        },
        "responses": responses(one, generator),
    });
    if let Some(scope) = one.scope {
        said["x-scope"] = json!(scope.as_str());
        said["description"] = json!(format!("Needs the scope `{}`.", scope.as_str()));
    }
    let parameters = parameters(one);
    if !parameters.is_empty() {
        said["parameters"] = json!(parameters);
    }
    if let Some(takes) = one.takes {
        said["requestBody"] = json!({
            "required": true,
            "content": { "application/json": { "schema": takes(generator) } },
        });
    }
    said
}

fn parameters(one: &Operation) -> Vec<Value> {
    let mut all = Vec::new();
    let in_path = [
        (
            "customer",
            "The number printed on the bill.",
            "^[0-9A-Za-z-]{1,20}$",
        ),
        ("bill", "The number of the bill.", "^[0-9]{10}$"),
    ];
    for (name, description, pattern) in in_path {
        if one.path.contains(&format!("{{{name}}}")) {
            all.push(json!({
                "name": name, "in": "path", "required": true, "description": description,
                "schema": { "type": "string", "pattern": pattern },
            }));
        }
    }
    all.extend(one.query.iter().map(|parameter| {
        json!({
            "name": parameter.name, "in": "query", "required": false,
            "description": parameter.description, "schema": (parameter.schema)(),
        })
    }));
    if one.changes() {
        all.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": true,
            "description": "Made anew for each change, and the same when it is sent again.",
            "schema": { "type": "string", "pattern": "^[!-~]{1,64}$" },
        }));
    }
    if one.kind == What::ChangesVersion {
        all.push(json!({
            "name": "If-Match", "in": "header", "required": true,
            "description": "The ETag of the customer's enrolment, as it was when the customer was asked.",
            "schema": { "type": "string", "pattern": "^\"[0-9]{1,18}\"$" },
        }));
    }
    all
}

fn responses(one: &Operation, generator: &mut SchemaGenerator) -> Value {
    let mut all = Map::new();
    let (status, mut good) = match one.gives {
        Gives::Json(status, gives) => (
            status,
            json!({
                "description": "Done.",
                "content": { "application/json": { "schema": gives(generator) } },
            }),
        ),
        Gives::Pdf => (
            200,
            json!({
                "description": "The document, as it was sealed.",
                "content": { "application/pdf": {} },
            }),
        ),
        Gives::Document => (
            200,
            json!({
                "description": "OpenAPI 3.1.",
                "content": { "application/json": { "schema": { "type": "object" } } },
            }),
        ),
    };
    if one.kind == What::ReadsVersion {
        good["headers"] = json!({
            "ETag": { "description": "The version.", "schema": { "type": "string" } },
        });
    }
    all.insert(status.to_string(), good);
    let mut bad = vec![400, 408, 422, 500];
    if one.scope.is_some() {
        bad.extend([401, 403, 404, 413, 429]);
    }
    if one.changes() {
        bad.push(409);
    }
    if one.kind == What::ChangesVersion {
        bad.extend([412, 428]);
    }
    bad.sort_unstable();
    for status in bad {
        let problem = json!({ "$ref": "#/components/responses/Problem" });
        all.insert(status.to_string(), problem);
    }
    Value::Object(all)
}

pub(super) async fn document() -> Response {
    let media_type = [(header::CONTENT_TYPE, "application/json")];
    (media_type, openapi().to_string()).into_response()
}
