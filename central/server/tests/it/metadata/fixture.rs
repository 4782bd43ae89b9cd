//! Where a story takes location: an empty database, a handle on it, and a way past the handle.

#![allow(dead_code, reason = "each test program uses its own part of this")]

use std::path::Path;

use footfall_metadata::{Location, Metadata, NewWebsite, Server};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _};

use crate::support::services::{self, Postgresql};

/// An empty database of one of the two kinds.
pub(crate) struct Fixture {
    pub(crate) location: Location,
    folder: tempfile::TempDir,
}

impl Fixture {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("temp dir");
        Self { location: folder.path().join("metadata.sqlite").into(), folder }
    }

    /// A file that somebody else has made.
    pub(crate) fn at(path: &Path) -> Self {
        Self { location: path.into(), folder: tempfile::tempdir().expect("temp dir") }
    }

    /// Makes a database with a random name.
    pub(crate) async fn postgresql() -> Self {
        let name = format!("story_{:016x}", getrandom::u64().expect("randomness"));
        command(&format!("CREATE DATABASE {name}")).await;
        let location = Location::Postgresql(server(&services::postgresql(), &name));
        Self { location, folder: tempfile::tempdir().expect("temp dir") }
    }

    /// Takes the database away.
    pub(crate) async fn end(self) {
        if let Location::Postgresql(server) = &self.location {
            command(&format!("DROP DATABASE {} WITH (FORCE)", server.database)).await;
        }
        self.folder.close().expect("the folder goes");
    }

    pub(crate) async fn open(&self) -> Metadata {
        Metadata::open(self.location.clone()).await.expect("it opens")
    }

    pub(crate) fn server(&self) -> &Server {
        let Location::Postgresql(server) = &self.location else { panic!("a story about a server") };
        server
    }

    /// Runs a statement that the product does not have.
    pub(crate) async fn sql(&self, sql: &str) -> sqlx::Result<()> {
        match &self.location {
            Location::Sqlite(path) => {
                let mut connection =
                    SqliteConnectOptions::new().filename(path).foreign_keys(true).connect().await?;
                sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await?;
                connection.close().await
            }
            Location::Postgresql(server) => {
                let mut connection = options(server).connect().await?;
                sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await?;
                connection.close().await
            }
        }
    }

    /// The first column of the answer, which has to be text.
    pub(crate) async fn texts(&self, sql: &str) -> Vec<String> {
        let sql = AssertSqlSafe(sql.to_owned());
        match &self.location {
            Location::Sqlite(path) => {
                let mut connection =
                    SqliteConnectOptions::new().filename(path).connect().await.expect("it opens");
                let rows = sqlx::query(sql).fetch_all(&mut connection).await.expect("an answer");
                rows.iter().map(|row| row.get(0)).collect()
            }
            Location::Postgresql(server) => {
                let mut connection = options(server).connect().await.expect("it opens");
                let rows = sqlx::query(sql).fetch_all(&mut connection).await.expect("an answer");
                rows.iter().map(|row| row.get(0)).collect()
            }
        }
    }
}

/// How the product reaches `database` of the real server.
pub(crate) fn server(service: &Postgresql, database: &str) -> Server {
    Server {
        host: service.host.clone(),
        port: service.port,
        database: database.to_owned(),
        user: service.user.clone(),
        password_file: service.password_file.clone(),
        ca: Some(service.ca.clone()),
        tls: true,
    }
}

/// Runs a statement on the real server, outside of every story's database.
pub(crate) async fn command(sql: &str) {
    let service = services::postgresql();
    let mut connection = options(&server(&service, &service.database)).connect().await.expect("it answers");
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.expect("it may do this");
    connection.close().await.expect("closed");
}

fn options(server: &Server) -> PgConnectOptions {
    let password = std::fs::read_to_string(&server.password_file).expect("a password");
    PgConnectOptions::new_without_pgpass()
        .host(&server.host)
        .port(server.port)
        .database(&server.database)
        .username(&server.user)
        .password(password.trim())
        .ssl_mode(PgSslMode::VerifyFull)
        .ssl_root_cert(server.ca.as_ref().expect("a ca"))
}

pub(crate) fn site(domain: &str, tracking_id: Option<&str>) -> NewWebsite {
    NewWebsite {
        name: format!("The site {domain}"),
        domain: domain.parse().expect("a domain"),
        extra_domains: Vec::new(),
        tracking_id: tracking_id.map(|id| id.parse().expect("a tracking id")),
        timezone: "UTC".to_owned(),
        ip_anonymization_enabled: true,
        bot_filtering_enabled: true,
        sampling_rate: 1.0,
        owner: "owner@localhost".parse().expect("an address"),
    }
}
