//! Parameters as GitLab takes them: from the query, from JSON, and from forms whose names have brackets.

use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use serde_json::{Map, Value};

/// All parameters of a request.
pub fn parameters(query: Option<&str>, headers: &HeaderMap, body: &[u8]) -> Result<Map<String, Value>, String> {
    let mut all = Map::new();
    put_pairs(&mut all, query.unwrap_or_default().as_bytes());
    let kind = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    if kind.starts_with("application/json") && !body.is_empty() {
        match serde_json::from_slice(body) {
            Ok(Value::Object(object)) => all.extend(object),
            Ok(_) => return Err("The request body is not an object".to_owned()),
            Err(error) => return Err(error.to_string()),
        }
    } else if kind.starts_with("application/x-www-form-urlencoded") {
        put_pairs(&mut all, body);
    }
    Ok(all)
}

fn put_pairs(all: &mut Map<String, Value>, text: &[u8]) {
    for (name, value) in url::form_urlencoded::parse(text) {
        match name.split_once('[') {
            // `scope[]=failed`
            Some((outer, "]")) => {
                let list = all.entry(outer).or_insert_with(|| Value::Array(Vec::new()));
                if let Value::Array(list) = list {
                    list.push(Value::String(value.into_owned()));
                }
            }
            // `position[new_line]=3`
            Some((outer, inner)) => {
                let object = all.entry(outer).or_insert_with(|| Value::Object(Map::new()));
                if let Value::Object(object) = object {
                    object.insert(inner.trim_end_matches(']').to_owned(), Value::String(value.into_owned()));
                }
            }
            None => {
                all.insert(name.into_owned(), Value::String(value.into_owned()));
            }
        }
    }
}

/// A text; numbers are taken for one.
pub fn text(all: &Map<String, Value>, name: &str) -> Option<String> {
    match all.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A number, also as text.
pub fn number(all: &Map<String, Value>, name: &str) -> Option<u64> {
    text(all, name)?.parse().ok()
}

/// A truth value, also as text.
pub fn truth(all: &Map<String, Value>, name: &str) -> Option<bool> {
    match all.get(name)? {
        Value::Bool(truth) => Some(*truth),
        Value::String(text) => match text.to_ascii_lowercase().as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    }
}
