//! An S3 server: SeaweedFS, all its parts in one process. Its key pair is the only one; the bucket is made at the start.

use std::fmt::Write as _;

use serde_json::json;

use super::client::curl;
use super::layout::S3_PORTS;
use super::process::Launch;
use super::{Context, USER};
use crate::{fetch, file};

/// The bucket that is there from the start.
pub(super) const BUCKET: &str = "footfall";
/// SeaweedFS takes any; clients sign with it.
pub(super) const REGION: &str = "us-east-1";

/// Writes its settings and says how to start it.
pub(super) fn prepare(context: &Context) -> anyhow::Result<Launch> {
    let program = fetch::seaweed()?;
    let folder = context.layout.server("s3");
    file::private_folder(&folder.join("data"))?;
    let secret = context.layout.password("s3")?;
    let identities = json!({ "identities": [{
        "name": USER,
        "credentials": [{ "accessKey": USER, "secretKey": secret }],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }]});
    let settings = folder.join("s3.json");
    file::write(&settings, &serde_json::to_vec_pretty(&identities)?, 0o600)?;
    file::write(&folder.join("security.toml"), among_themselves(context)?.as_bytes(), 0o600)?;
    let curl = format!("aws-sigv4 = \"aws:amz:{REGION}:s3\"\nuser = \"{USER}:{secret}\"\nmax-time = 5\n");
    file::write(&context.layout.client_settings("s3"), curl.as_bytes(), 0o600)?;
    let mut arguments: Vec<String> =
        ["-logtostderr", "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"].map(str::to_owned).into();
    arguments.push(format!("-dir={}", folder.join("data").display()));
    arguments.push(format!("-s3.config={}", settings.display()));
    arguments.extend(ports(context.ports.s3));
    // Small volumes, a quick first election, and none of the parts that nobody asked for.
    arguments.extend(
        [
            "-filer",
            "-s3",
            "-s3.iam=false",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            "-master.volumeSizeLimitMB=64",
            "-volume.max=100",
            // Its own bound is a hundredth of the disk: it would take no object where that is gigabytes.
            "-volume.minFreeSpace=128MiB",
            "-volume.preStopSeconds=0",
            "-master.electionTimeout=1s",
            "-master.heartbeatInterval=100ms",
        ]
        .map(str::to_owned),
    );
    Ok(Launch { program, arguments, folder, environment: vec![], owner: None })
}

/// The parts talk to each other over ports of their own, where nobody else may: signed tokens for HTTP, certificates for gRPC.
/// Read from the working folder.
fn among_themselves(context: &Context) -> anyhow::Result<String> {
    let identity = context.authority.identity("s3");
    let key = context.layout.password("s3-parts")?;
    let keys = ["jwt.signing", "jwt.signing.read", "jwt.filer_signing", "jwt.filer_signing.read"];
    let parts = ["volume", "master", "filer", "s3", "client"];
    let mut text =
        String::from("# Written by `cargo xtask services` at every start: changes here are lost.\n");
    for section in keys {
        writeln!(text, "[{section}]\nkey = \"{key}\"")?;
    }
    writeln!(text, "[grpc]\nca = \"{}\"", context.authority.ca().display())?;
    for part in parts {
        let (certificate, key) = (identity.certificate.display(), identity.key.display());
        writeln!(text, "[grpc.{part}]\ncert = \"{certificate}\"\nkey = \"{key}\"")?;
    }
    Ok(text)
}

/// Each part has a port for HTTP and one for gRPC; those not named would be fixed ones, on all addresses.
fn ports(first: u16) -> impl Iterator<Item = String> {
    let parts = ["s3", "master", "volume", "filer"];
    const { assert!(S3_PORTS == 8, "two ports for each of four parts") };
    (first..)
        .step_by(2)
        .zip(parts)
        .flat_map(|(port, part)| [format!("-{part}.port={port}"), format!("-{part}.port.grpc={}", port + 1)])
}

/// Lists the buckets with a signed request; without a signature it must refuse.
pub(super) fn ask(context: &Context) -> anyhow::Result<()> {
    let (status, body) = call(context, &[], "")?;
    anyhow::ensure!(status == 200, "it answers {status}: {body}");
    Ok(())
}

/// The bucket, and an object that comes and goes: lists are answered by a server too that takes no object.
pub(super) fn settle(context: &Context) -> anyhow::Result<()> {
    let (status, body) = call(context, &["--request", "PUT"], BUCKET)?;
    anyhow::ensure!(
        status == 200 || body.contains("BucketAlready"),
        "no bucket, it answers {status}: {body}"
    );
    let object = format!("{BUCKET}/.started");
    // Some curls sign the body of an upload only.
    let any_file = context.authority.ca().display().to_string();
    let (status, body) = call(context, &["--upload-file", &any_file], &object)?;
    anyhow::ensure!(status == 200, "it takes no object (is the disk full?), it answers {status}: {body}");
    let (status, body) = call(context, &["--request", "DELETE"], &object)?;
    anyhow::ensure!(status == 204, "it removes no object, it answers {status}: {body}");
    Ok(())
}

fn call(context: &Context, arguments: &[&str], path: &str) -> anyhow::Result<(u16, String)> {
    let url = format!("http://127.0.0.1:{}/{path}", context.ports.s3);
    curl(&context.layout.client_settings("s3"), arguments, &url)
}
