//! The plain HTTP client that every story asks with.

use reqwest::ClientBuilder;

/// A client to be built; the cryptography that it may need is chosen, once for the process.
pub fn client() -> ClientBuilder {
    // Somebody chose before: it was the same choice.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
}

/// Asks once, with a client of its own.
///
/// # Errors
/// When there is no answer.
pub async fn get(url: &str) -> Result<reqwest::Response, reqwest::Error> {
    client().build()?.get(url).send().await
}
