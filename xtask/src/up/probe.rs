//! Asks whether a page view can pass through the whole system. Only reads: a probe must leave no event behind.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::ports::{Ports, loopback};

/// Between two rounds of questions.
const PAUSE: Duration = Duration::from_millis(100);
/// For one answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Waits until edge and central say that they can do their whole job, the edge serves the tag, and the demo site answers.
pub(super) async fn until_whole(ports: &Ports, deadline: Instant) -> anyhow::Result<()> {
    let questions = [
        ("central", ports.central, "/readyz"),
        ("the edge", ports.edge_health, "/readyz"),
        ("the edge", ports.edge, "/footfall.js"),
        ("the demo site", ports.demo, "/"),
    ];
    for (name, port, path) in questions {
        loop {
            let answer = get(loopback(port), path).await;
            match answer {
                Ok((200, _)) => break,
                _ if Instant::now() < deadline => tokio::time::sleep(PAUSE).await,
                Ok((status, body)) => {
                    anyhow::bail!("{name} is not ready: {path} answers {status}: {}", body.trim())
                }
                Err(error) => return Err(error).with_context(|| format!("{name} does not answer {path}")),
            }
        }
    }
    Ok(())
}

async fn get(address: SocketAddr, path: &str) -> anyhow::Result<(u16, String)> {
    let asked = async {
        let stream = TcpStream::connect(address).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let request = Request::get(path).header("host", address.to_string()).body(Empty::<Bytes>::new())?;
        let answer = sender.send_request(request).await?;
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await?.to_bytes();
        connection.abort();
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    };
    tokio::time::timeout(PATIENCE, asked).await.context("no answer in time")?
}
