//! Answers 403 to whoever may not ask: [`footfall_daemon::guard`] decides.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use footfall_daemon::guard::{Guard, Refusal};

use super::problem::Problem;

/// Lets a request through, or answers it.
pub(super) async fn check(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    // A link to the dashboard may be followed from anywhere.
    let front_page = request.uri().path() == "/";
    match guard.judge(request.method(), request.uri(), request.headers(), front_page) {
        Ok(()) => next.run(request).await,
        Err(refusal) => {
            let more = if refusal == Refusal::Host { "; configured names stand in `http.names`" } else { "" };
            Problem::new(StatusCode::FORBIDDEN, format!("{refusal}{more}")).into_response()
        }
    }
}
