//! `/api/v1/openapi.json`: what the API takes and gives, as OpenAPI 3.1 has it.

use axum::Json;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};
use triage_causes::Report;

/// `/api/v1/openapi.json`.
pub async fn show() -> Json<Value> {
    Json(document())
}

/// The description. The report's schema is that of the pipe.
pub fn document() -> Value {
    let mut generator =
        SchemaSettings::draft2020_12().with(|it| it.definitions_path = "/components/schemas".into()).into_generator();
    generator.subschema_for::<Report>();
    let mut schemas = generator.take_definitions(true);
    schemas.insert("StoredBuild".to_owned(), build());
    schemas.insert("SentBuild".to_owned(), sent());
    schemas.insert("Problem".to_owned(), problem());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "triage",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Build logs in, causes out.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "paths": {
            "/api/v1/builds": { "post": post() },
            "/api/v1/builds/{id}": { "get": get() },
            "/api/v1/openapi.json": { "get": {
                "operationId": "describe",
                "summary": "This description",
                "responses": { "200": {
                    "description": "OpenAPI 3.1",
                    "content": { "application/json": { "schema": { "type": "object" } } },
                } },
            } },
        },
        "components": {
            "schemas": schemas,
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
        },
    })
}

fn post() -> Value {
    let mut responses = json!({
        "201": { "description": "It was read and is kept.", "headers": {
            "Location": { "description": "Where it is.", "schema": { "type": "string" } },
        }, "content": content("StoredBuild") },
        "200": { "description": "It was sent before with the same Idempotency-Key.", "headers": {
            "Idempotency-Replayed": { "description": "Always `true`.", "schema": { "type": "string" } },
        }, "content": content("StoredBuild") },
    });
    fail(
        &mut responses,
        &[
            ("400", "The body, an axis or the key is wrong."),
            ("401", "There is no token, or it is not known."),
            ("403", "The token may not write."),
            ("410", "It was sent before, and is forgotten by now."),
            ("413", "The body is too large."),
            ("422", "There is no log in it, or the key came with another build before."),
            ("429", "Too many requests of this source; see Retry-After."),
            ("503", "Not now; see Retry-After."),
        ],
    );
    json!({
        "operationId": "sendBuild",
        "summary": "Send the log of a build",
        "description": "The log as it is, or packed (gzip, xz, zstd, zip, tar: what it is, its first bytes say), with \
                        its axes as parameters: `?arch=arm64&config=defconfig`. Or as JSON.",
        "security": [{ "token": [] }],
        "parameters": [
            { "name": "name", "in": "query", "description": "What the log is called.",
              "schema": { "type": "string", "minLength": 1, "maxLength": 200, "default": "log" } },
            { "name": "axes", "in": "query", "description": "What it is a build of, each axis as a parameter of its own.",
              "style": "form", "explode": true, "schema": axes() },
            { "name": "Idempotency-Key", "in": "header",
              "description": "A name for this build. The same request under it is done once.",
              "schema": { "type": "string", "minLength": 1, "maxLength": 255 } },
        ],
        "requestBody": { "required": true, "content": {
            "text/plain": { "schema": { "type": "string" } },
            "application/gzip": {},
            "application/octet-stream": {},
            "application/json": { "schema": { "$ref": "#/components/schemas/SentBuild" } },
        } },
        "responses": responses,
    })
}

fn get() -> Value {
    let mut responses = json!({ "200": { "description": "The build.", "content": content("StoredBuild") } });
    fail(
        &mut responses,
        &[
            ("401", "This takes a token."),
            ("403", "The token may not read."),
            ("404", "There is no such build."),
            ("429", "Too many requests of this source; see Retry-After."),
            ("503", "Not now; see Retry-After."),
        ],
    );
    json!({
        "operationId": "getBuild",
        "summary": "A build that was sent",
        "security": [{}, { "token": [] }],
        "parameters": [{ "name": "id", "in": "path", "required": true, "schema": { "type": "string" } }],
        "responses": responses,
    })
}

fn fail(responses: &mut Value, failures: &[(&str, &str)]) {
    for (status, description) in failures {
        let schema = json!({ "$ref": "#/components/schemas/Problem" });
        responses[*status] =
            json!({ "description": description, "content": { "application/problem+json": { "schema": schema } } });
    }
}

fn content(schema: &str) -> Value {
    json!({ "application/json": { "schema": { "$ref": format!("#/components/schemas/{schema}") } } })
}

fn axes() -> Value {
    json!({
        "type": "object",
        "additionalProperties": { "type": "string", "minLength": 1, "maxLength": 200 },
        "propertyNames": { "pattern": "^[A-Za-z0-9._-]{1,40}$" },
        "maxProperties": 32,
    })
}

fn build() -> Value {
    json!({
        "type": "object",
        "required": ["id", "status", "axes", "received_at", "report"],
        "properties": {
            "id": { "type": "string" },
            "status": { "enum": ["fail", "pass", "empty"] },
            "axes": { "type": "object", "additionalProperties": { "type": "string" } },
            "received_at": { "type": "integer", "description": "Milliseconds since 1970 in UTC." },
            "report": {
                "description": "As `triage --format json` writes it; null when it was forgotten.",
                "anyOf": [{ "$ref": "#/components/schemas/Report" }, { "type": "null" }],
            },
        },
    })
}

fn sent() -> Value {
    json!({
        "type": "object",
        "required": ["log"],
        "additionalProperties": false,
        "properties": {
            "log": { "type": "string" },
            "name": { "type": "string", "minLength": 1, "maxLength": 200 },
            "axes": axes(),
        },
    })
}

fn problem() -> Value {
    json!({
        "type": "object",
        "description": "RFC 9457",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": { "type": "string" },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string" },
        },
    })
}
