//! Bodies of a few bytes that cost their reader much: packed lists of nothing, fourteen times a second from each of four connections.

use std::io::Write;
use std::time::{Duration, Instant};

use footfall_tests::http::client;
use tokio::time::interval;

use crate::Target;

/// Times a second.
const RATE: u32 = 14;

/// Sends them for as long as an attack lasts, and says what they were answered.
pub(crate) async fn attack(target: &Target) -> String {
    let plain =
        format!("{{\"tracking_id\":\"{}\",\"events\":[{}[]]}}", target.tracking_id, "[],".repeat(600_000));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(plain.as_bytes()).expect("memory");
    let gzip = gzip.finish().expect("memory");
    let zstd = zstd::encode_all(plain.as_bytes(), 19).expect("memory");
    let (bytes, until) = ([gzip.len(), zstd.len()], Instant::now() + target.lasts);
    let http = client().timeout(Duration::from_secs(30)).build().expect("a plain client");
    let url = format!("http://{}/e", target.edge);
    let senders =
        [("gzip", &gzip), ("zstd", &zstd), ("gzip", &gzip), ("zstd", &zstd)].map(|(encoding, body)| {
            let (http, url) = (http.clone(), url.clone());
            async move {
                let mut pace = interval(Duration::from_secs(1) / RATE);
                let mut answers = std::collections::BTreeMap::<u16, u32>::new();
                while Instant::now() < until {
                    pace.tick().await;
                    let request = http.post(&url).header("content-encoding", encoding).body(body.clone());
                    let status = request.send().await.expect("the edge answers").status().as_u16();
                    *answers.entry(status).or_default() += 1;
                }
                answers
            }
        });
    let answers = futures_util::future::join_all(senders).await;
    format!("bodies of {bytes:?} bytes, answers {answers:?}")
}
