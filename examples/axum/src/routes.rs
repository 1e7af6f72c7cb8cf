//! Predictions, probes and metrics.

use axum::Router;
use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use monobloc::Engine;
use monobloc::error::{Error, ErrorKind, guard};
use monobloc::exposition::Format;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::spawn_blocking;

/// Bytes of a body below which handing it to another thread would take longer than reading it.
const SMALL_BODY: usize = 16 * 1024;
/// Bytes that a row takes in a body, guessed.
const ROW_BYTES: usize = 64;
/// Work that may hold up the other requests of a thread.
const QUICK: Duration = Duration::from_micros(200);

/// The routes of a service for this engine.
pub fn of(engine: Arc<Engine>) -> Router {
    Router::new()
        .route("/predict", post(predict))
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .route("/metrics", get(metrics))
        .with_state(engine)
}

async fn predict(State(engine): State<Arc<Engine>>, body: Body) -> Result<Response, Refusal> {
    let most = engine.max_body_bytes();
    let too_large = || Error::new(ErrorKind::TooLarge, format!("a request body of more than {most} bytes"));
    if body.size_hint().lower() > most as u64 {
        return Err(too_large().into());
    }
    let body = to_bytes(body, most).await.map_err(|_| too_large())?;
    let rows = 1 + body.len() / ROW_BYTES;
    let is_quick = body.len() < SMALL_BODY && engine.expected_duration(rows) < QUICK;
    let run = move || guard(|| engine.run_json(&body));
    let answer = if is_quick { run()? } else { elsewhere(run).await? };
    Ok(([(CONTENT_TYPE, "application/json")], answer).into_response())
}

/// Whether the process answers at all.
async fn live() -> Json<serde_json::Value> {
    Json(json!({ "status": "ok" }))
}

/// Unready when the bloc's file is no longer as it was loaded; never because of the rows.
async fn ready(State(engine): State<Arc<Engine>>) -> (StatusCode, Json<serde_json::Value>) {
    let health = engine.health();
    if health.file_changed {
        return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "detail": health.findings })));
    }
    let status = if health.is_ok() { "ok" } else { "degraded" };
    (StatusCode::OK, Json(json!({ "status": status, "findings": health.findings })))
}

async fn metrics(State(engine): State<Arc<Engine>>, headers: HeaderMap) -> Result<Response, Refusal> {
    let accepted = headers.get(ACCEPT).and_then(|accepted| accepted.to_str().ok()).unwrap_or_default();
    let is_openmetrics = accepted.contains("application/openmetrics-text");
    let format = if is_openmetrics { Format::OpenMetrics } else { Format::Prometheus };
    let text = elsewhere(move || guard(|| engine.metrics(format))).await?;
    Ok(([(CONTENT_TYPE, format.content_type())], text).into_response())
}

/// Runs what takes long on a thread that may be held up.
async fn elsewhere<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let done = spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(Error::new(ErrorKind::Internal, error.to_string())))
}

/// An answer that says what is wrong with the request.
struct Refusal {
    status: StatusCode,
    detail: String,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        let status = StatusCode::from_u16(error.kind().http_status());
        Refusal { status: status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), detail: error.to_string() }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(json!({ "detail": self.detail }))).into_response()
    }
}
