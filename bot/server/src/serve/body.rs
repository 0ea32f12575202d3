//! The body of a request, up to a limit.

use axum::body::{Body, Bytes, to_bytes};
use axum::http::StatusCode;

use super::answer::Problem;

/// All of it, or why not.
pub async fn read(body: Body, limit: usize) -> Result<Bytes, Problem> {
    to_bytes(body, limit).await.map_err(|error| {
        let too_large = std::error::Error::source(&error).is_some_and(|it| it.is::<http_body_util::LengthLimitError>());
        match too_large {
            true => Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body is larger than {limit} bytes")),
            false => Problem::bad("the body did not come to its end"),
        }
    })
}
