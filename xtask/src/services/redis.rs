//! Redis: TLS only, one ACL user. What it acknowledged survives `kill -9`: the append-only file is written before the answer.

use sha2::{Digest, Sha256};

use super::client::{self, client};
use super::process::Launch;
use super::{Context, USER};
use crate::file;

/// Writes its settings and says how to start it.
pub(super) fn prepare(context: &Context) -> anyhow::Result<Launch> {
    let folder = context.layout.server("redis");
    file::private_folder(&folder)?;
    let settings = folder.join("redis.conf");
    file::write(&settings, text(context)?.as_bytes(), 0o600)?;
    Ok(Launch {
        program: client::program("redis-server")?,
        arguments: vec![settings.display().to_string()],
        folder,
        environment: vec![],
        owner: None,
    })
}

/// PING, as the user. While it reads its file it says LOADING.
pub(super) fn ask(context: &Context) -> anyhow::Result<()> {
    let mut cli = client(&client::program("redis-cli")?);
    cli.args(["-h", "127.0.0.1", "-p", &context.ports.redis.to_string(), "--tls", "--cacert"]);
    cli.arg(context.authority.ca()).args(["--user", USER, "--no-auth-warning", "PING"]);
    cli.env("REDISCLI_AUTH", context.layout.password("redis")?);
    let answer = client::ask(&mut cli)?;
    anyhow::ensure!(answer == "PONG", "{answer}");
    Ok(())
}

fn text(context: &Context) -> anyhow::Result<String> {
    let password = file::hexadecimal(&Sha256::digest(context.layout.password("redis")?));
    let identity = context.authority.identity("redis");
    Ok(format!(
        "\
# Written by `cargo xtask services` at every start: changes here are lost.
bind 127.0.0.1
port 0
tls-port {}
tls-cert-file {}
tls-key-file {}
tls-ca-cert-file {}
tls-auth-clients no
# Nobody can log in as `default`; the server itself does what its append-only file says as that user, and skipped what the user may not.
user default off resetpass ~* &* +@all
user {USER} on #{password} ~* &* +@all
databases 64
maxmemory 256mb
maxmemory-policy noeviction
appendonly yes
appendfsync everysec
save \"\"
daemonize no
",
        context.ports.redis,
        identity.certificate.display(),
        identity.key.display(),
        context.authority.ca().display()
    ))
}
