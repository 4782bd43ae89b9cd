//! A body on its way in from the network: collected, carried to a pool thread, or read and thrown away.

use crate::engine::{Fault, code};
use crate::limits::{BODY_PAUSE, DISCARD_BYTES, DISCARD_TIME};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use tokio::sync::mpsc;

/// Collects a body until it ends (`true`) or holds more than `limit` bytes.
pub async fn front(incoming: &mut Incoming, limit: usize) -> Result<(Bytes, bool), Fault> {
    further(incoming, Bytes::new(), limit).await
}

/// The same, for a body of which `front` has been collected already.
pub async fn further(incoming: &mut Incoming, front: Bytes, limit: usize) -> Result<(Bytes, bool), Fault> {
    let mut collected = BytesMut::from(front);
    while collected.len() <= limit {
        match arriving(incoming).await? {
            Some(piece) => collected.extend_from_slice(&piece),
            None => return Ok((collected.freeze(), true)),
        }
    }
    Ok((collected.freeze(), false))
}

/// The body's next bytes. A client that pauses for too long, or goes away, is an error: half a body is none.
async fn arriving(incoming: &mut Incoming) -> Result<Option<Bytes>, Fault> {
    loop {
        match tokio::time::timeout(BODY_PAUSE, incoming.frame()).await {
            Err(_) => {
                return Err(Fault::new(
                    code::SOCKET_TIMEOUT,
                    "SOCKET_TIMEOUT",
                    "The body pauses for too long",
                ));
            }
            Ok(None) => return Ok(None),
            Ok(Some(Ok(frame))) => match frame.into_data() {
                Ok(piece) if !piece.is_empty() => return Ok(Some(piece)),
                _ => {}
            },
            Ok(Some(Err(error))) => {
                let message = format!("The body breaks off: {error}");
                return Err(Fault::new(code::CANNOT_READ_FROM_SOCKET, "CANNOT_READ_FROM_SOCKET", message));
            }
        }
    }
}

/// Carries the rest of a body to the thread that wants it. Two pieces wait at most: a slow engine slows the client down.
pub async fn pump(mut incoming: Incoming, sender: mpsc::Sender<Result<Bytes, Fault>>) {
    loop {
        let piece = arriving(&mut incoming).await;
        let last = !matches!(piece, Ok(Some(_)));
        if let Some(piece) = piece.transpose()
            && sender.send(piece).await.is_err()
        {
            return discard(incoming).await;
        }
        if last {
            return;
        }
    }
}

/// Leaves a body that nobody wants to a task of its own, so that the answer need not wait.
pub fn leave(incoming: Incoming) {
    if !incoming.is_end_stream() {
        tokio::spawn(discard(incoming));
    }
}

/// Reads what a client still sends after its request has failed, for a while: closing at once would reset the connection
/// before it has read why.
async fn discard(mut incoming: Incoming) {
    let reading = async {
        let mut left = DISCARD_BYTES;
        while let Ok(Some(piece)) = arriving(&mut incoming).await {
            left = left.saturating_sub(piece.len());
            if left == 0 {
                return;
            }
        }
    };
    // Whether it ended or time ran out, the body is dropped.
    let _ = tokio::time::timeout(DISCARD_TIME, reading).await;
}
