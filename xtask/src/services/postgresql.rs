//! PostgreSQL: TLS only, scram-sha-256 only. It refuses to run as root, so root runs it as the user of Debian's package.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

use super::client::{self, client};
use super::process::Launch;
use super::{Context, DATABASE, USER};
use crate::{file, shell};

/// The user of Debian's package.
const SYSTEM_USER: &str = "postgres";
/// The superuser inside; what others use may only make databases.
const ADMIN: &str = "postgres";

/// Makes its folder once, writes its settings, and says how to start it.
pub(super) fn prepare(context: &Context) -> anyhow::Result<Launch> {
    let programs = shell::postgresql()?;
    let owner = owner()?;
    let folder = context.layout.server("postgresql");
    if owner.is_some() {
        passable(&context.layout.data)?;
    }
    file::private_folder(&folder)?;
    give(&folder, owner)?;
    let identity = context.authority.identity("postgresql");
    for (name, contents) in [
        ("server.key", std::fs::read(identity.key)?),
        ("server.pem", std::fs::read(identity.certificate)?),
        ("hba.conf", ACCESS.as_bytes().to_vec()),
        ("postgresql.conf", settings(context, &folder).into_bytes()),
    ] {
        let path = folder.join(name);
        file::write(&path, &contents, 0o600)?;
        give(&path, owner)?;
    }
    if !folder.join("data").join("PG_VERSION").exists() {
        initialise(context, &programs, &folder, owner)?;
    }
    let passwords: String = [(ADMIN, "postgresql-admin"), (USER, "postgresql")]
        .into_iter()
        .map(|(user, secret)| {
            Ok(format!(
                "127.0.0.1:{}:*:{user}:{}\n",
                context.ports.postgresql,
                context.layout.password(secret)?
            ))
        })
        .collect::<anyhow::Result<_>>()?;
    file::write(&context.layout.client_settings("postgresql"), passwords.as_bytes(), 0o600)?;
    let path = |name: &str| folder.join(name).display().to_string();
    Ok(Launch {
        program: programs.join("postgres"),
        arguments: vec![
            "-D".into(),
            path("data"),
            "-c".into(),
            format!("config_file={}", path("postgresql.conf")),
        ],
        environment: vec![("LC_ALL", "C".to_owned()), ("TZ", "UTC".to_owned())],
        folder,
        owner,
    })
}

/// Logs in over TLS, checking the certificate.
pub(super) fn ask(context: &Context) -> anyhow::Result<()> {
    let answer = query(context, ADMIN, "postgres", "SELECT 40 + 2")?;
    anyhow::ensure!(answer == "42", "it says {answer:?} instead of 42");
    Ok(())
}

/// The user that others use, and the database.
pub(super) fn settle(context: &Context) -> anyhow::Result<()> {
    let admin = |statement: &str| query(context, ADMIN, "postgres", statement);
    let password = context.layout.password("postgresql")?;
    if admin(&format!("SELECT 1 FROM pg_roles WHERE rolname = '{USER}'"))?.is_empty() {
        // The log shows no statement of this kind: log_statement is off, and errors would not show the password.
        admin(&format!("CREATE ROLE {USER} LOGIN CREATEDB CREATEROLE PASSWORD '{password}'"))?;
    }
    if admin(&format!("SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'"))?.is_empty() {
        admin(&format!("CREATE DATABASE {DATABASE} OWNER {USER}"))?;
    }
    query(context, USER, DATABASE, "SELECT 1").map(drop)
}

/// The statement, which may hold a password, goes in through a pipe.
fn query(context: &Context, user: &str, database: &str, statement: &str) -> anyhow::Result<String> {
    let mut psql = client(&shell::postgresql()?.join("psql"));
    psql.args(["--no-psqlrc", "--no-password", "--tuples-only", "--no-align", "--quiet"]);
    psql.args(["--set", "ON_ERROR_STOP=1"]).arg(format!(
        "host=127.0.0.1 port={} user={user} dbname={database} connect_timeout=3 sslmode=verify-full sslrootcert={}",
        context.ports.postgresql,
        context.authority.ca().display()
    ));
    psql.env("PGPASSFILE", context.layout.client_settings("postgresql"));
    client::tell(&mut psql, statement)
}

fn initialise(
    context: &Context,
    programs: &Path,
    folder: &Path,
    owner: Option<(u32, u32)>,
) -> anyhow::Result<()> {
    use std::os::unix::process::CommandExt;
    let password = folder.join("password");
    file::write(&password, context.layout.password("postgresql-admin")?.as_bytes(), 0o600)?;
    give(&password, owner)?;
    // One that was interrupted leaves a folder that initdb refuses.
    let (data, fresh) = (folder.join("data"), folder.join("data.new"));
    for left in [&data, &fresh] {
        if left.exists() {
            std::fs::remove_dir_all(left).with_context(|| format!("cannot clear {}", left.display()))?;
        }
    }
    let mut initdb = Command::new(programs.join("initdb"));
    initdb.arg("--pgdata").arg(&fresh).arg("--pwfile").arg(&password).current_dir(folder);
    initdb.args(["--username", ADMIN, "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C"]);
    initdb.env("LC_ALL", "C").env("TZ", "UTC");
    if let Some((user, group)) = owner {
        initdb.uid(user).gid(group);
    }
    shell::read(&mut initdb).context("could not make PostgreSQL's folder")?;
    std::fs::remove_file(&password).with_context(|| format!("cannot remove {}", password.display()))?;
    std::fs::rename(&fresh, &data).with_context(|| format!("cannot make {}", data.display()))
}

/// Whom to run it as; `None` when we may.
fn owner() -> anyhow::Result<Option<(u32, u32)>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let id = |option: &str| -> anyhow::Result<u32> {
        let answer = shell::read(Command::new("id").args([option, SYSTEM_USER])).with_context(|| {
            format!("PostgreSQL does not run as root, and there is no user {SYSTEM_USER}")
        })?;
        Ok(answer.trim().parse()?)
    };
    Ok(Some((id("-u")?, id("-g")?)))
}

fn give(path: &Path, owner: Option<(u32, u32)>) -> anyhow::Result<()> {
    let Some((user, group)) = owner else { return Ok(()) };
    chown(path, Some(user), Some(group))
        .with_context(|| format!("cannot give {} to {SYSTEM_USER}", path.display()))
}

/// Every folder above must let another user pass. Opens those that are ours; the others a person has to open.
fn passable(data: &Path) -> anyhow::Result<()> {
    let mut closed = Vec::new();
    for folder in data.ancestors() {
        let meta = folder.metadata().with_context(|| format!("cannot look at {}", folder.display()))?;
        if meta.mode() & 0o001 != 0 {
            continue;
        }
        if !folder.ends_with(".footfall") {
            closed.push(folder.display().to_string());
            continue;
        }
        let mode = std::fs::Permissions::from_mode(meta.mode() | 0o011);
        std::fs::set_permissions(folder, mode)
            .with_context(|| format!("cannot let others pass through {}", folder.display()))?;
    }
    anyhow::ensure!(
        closed.is_empty(),
        "PostgreSQL does not run as root, and its user {SYSTEM_USER} cannot pass through {}; to let it, run: chmod o+x {} (or choose another --data)",
        closed.join(", "),
        closed.join(" ")
    );
    Ok(())
}

fn settings(context: &Context, folder: &Path) -> String {
    let path = |name: &str| folder.join(name).display().to_string();
    format!(
        "\
# Written by `cargo xtask services` at every start: changes here are lost.
listen_addresses = '127.0.0.1'
port = {}
unix_socket_directories = ''
hba_file = '{}'
ssl = on
ssl_cert_file = '{}'
ssl_key_file = '{}'
password_encryption = 'scram-sha-256'
max_connections = 100
shared_buffers = '32MB'
dynamic_shared_memory_type = 'posix'
timezone = 'UTC'
log_timezone = 'UTC'
log_min_messages = 'warning'
# A statement that fails is its sender's business, and might hold a secret.
log_min_error_statement = 'panic'
",
        context.ports.postgresql,
        path("hba.conf"),
        path("server.pem"),
        path("server.key")
    )
}

/// Who may come in, and how.
const ACCESS: &str = "\
# Written by `cargo xtask services` at every start: changes here are lost.
hostssl all all 127.0.0.1/32 scram-sha-256
";
