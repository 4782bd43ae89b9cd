//! The `central admin` commands: work on the metadata database directly, whether central runs or not. They print; they serve nothing.

mod custom;
mod failure;
mod funnel;
mod goal;
mod permission;
mod property;
mod table;
mod user;
mod website;

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Args, Subcommand};

use footfall_daemon::exit::USAGE;
use footfall_daemon::secret;
use footfall_metadata::{Invalid, Location, Metadata};

pub use failure::report;

/// What every command keeps to, for whoever writes a script.
const PROMISES: &str = "\
Websites are named by --website, with the tracking id or the website id.
Exit codes: 0 done; 64 what was typed is wrong (a value, a name of what is not there, a file); 1 the data does not allow it; 74 a file, the
database or the output fails. The sentence that says why is on standard error; with --json it is on standard output too, as the one object
{\"error\": \"sentence\"} in the place of the result.";

/// What `central admin` can do.
#[derive(Debug, Subcommand)]
#[command(after_help = PROMISES)]
pub enum Command {
    /// Add, list, show, change, pause, resume and delete websites.
    #[command(subcommand)]
    Website(website::Website),
    /// Add and list users, set their passwords, suspend and delete them.
    #[command(subcommand)]
    User(user::User),
    /// Say who may do what with a website.
    #[command(subcommand)]
    Permission(permission::Permission),
    /// Set and unset a website's properties.
    #[command(subcommand)]
    Property(property::Property),
    /// Add, list and retire a website's goals.
    #[command(subcommand)]
    Goal(goal::Goal),
    /// Add, list, show and remove a website's funnels.
    #[command(subcommand)]
    Funnel(funnel::Funnel),
    /// Say what a website's custom dimensions are.
    #[command(subcommand)]
    Dimension(custom::Dimension),
    /// Say what a website's custom metrics are.
    #[command(subcommand)]
    Metric(custom::Metric),
}

/// How a command prints what it did.
#[derive(Clone, Copy, Debug, Args)]
pub struct Output {
    /// Print JSON: what was done or asked for, or {"error": "sentence"}, as one object on standard output.
    #[arg(long)]
    json: bool,
}

/// Which website a command is about.
#[derive(Clone, Debug, Args)]
pub struct OfWebsite {
    /// The website: its tracking id or website id.
    #[arg(long, value_name = "ID")]
    website: WebsiteId,
}

/// How a website is named, everywhere: by its tracking id or its website id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebsiteId(String);

impl FromStr for WebsiteId {
    type Err = &'static str;

    /// The letters of both are the same.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if (1..=50).contains(&text.len()) && plain {
            Ok(Self(text.to_owned()))
        } else {
            Err("a tracking id or website id has 1 to 50 of A-Z a-z 0-9 - _")
        }
    }
}

/// A website's things, to be listed.
#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    of: OfWebsite,
    #[command(flatten)]
    output: Output,
}

impl OfWebsite {
    async fn find(&self, metadata: &Metadata) -> Result<footfall_metadata::Website, Error> {
        let WebsiteId(id) = &self.website;
        let found = metadata.website(id).await?;
        Ok(found.ok_or_else(|| footfall_metadata::Error::Unknown(format!("website {id}")))?)
    }
}

impl Command {
    /// Runs the command on the metadata database at `location` (a file is made if there is none) and prints to standard output. A running
    /// central notices a change within two seconds.
    pub async fn run(self, location: Location) -> Result<(), Error> {
        self.run_into(location, &mut io::stdin(), &mut io::stdout(), &mut io::stderr()).await
    }

    async fn run_into(
        self,
        location: Location,
        input: &mut impl Read,
        out: &mut impl Write,
        notes: &mut impl Write,
    ) -> Result<(), Error> {
        // What is written wrong is said before anything is opened.
        let prepared = match self {
            Self::Website(command) => Prepared::Website(command.prepare()?),
            Self::User(command) => Prepared::User(command.prepare(input)?),
            Self::Permission(command) => Prepared::Permission(command.prepare()?),
            Self::Property(command) => Prepared::Property(command.prepare()?),
            Self::Goal(command) => Prepared::Goal(command.prepare()?),
            Self::Funnel(command) => Prepared::Funnel(command.prepare(input)?),
            Self::Dimension(command) => Prepared::Dimension(command.prepare()?),
            Self::Metric(command) => Prepared::Metric(command.prepare()?),
        };
        let metadata = Metadata::open(location).await?;
        let done = prepared.run(&metadata, out, notes).await;
        metadata.close().await;
        done
    }
}

/// A command whose values are known to be good.
enum Prepared {
    Website(website::Prepared),
    User(user::Prepared),
    Permission(permission::Prepared),
    Property(property::Prepared),
    Goal(goal::Prepared),
    Funnel(funnel::Prepared),
    Dimension(custom::PreparedDimension),
    Metric(custom::PreparedMetric),
}

impl Prepared {
    async fn run(
        self,
        metadata: &Metadata,
        out: &mut impl Write,
        notes: &mut impl Write,
    ) -> Result<(), Error> {
        match self {
            Self::Website(command) => command.run(metadata, out, notes).await,
            Self::User(command) => command.run(metadata, out).await,
            Self::Permission(command) => command.run(metadata, out).await,
            Self::Property(command) => command.run(metadata, out).await,
            Self::Goal(command) => command.run(metadata, out).await,
            Self::Funnel(command) => command.run(metadata, out).await,
            Self::Dimension(command) => command.run(metadata, out).await,
            Self::Metric(command) => command.run(metadata, out).await,
        }
    }
}

/// Most bytes of what is read from a file or from standard input.
const LONGEST_INPUT: u64 = 1 << 20;

/// Reads a file, or standard input where no file is named.
fn read(file: Option<&Path>, input: &mut impl Read) -> Result<String, Error> {
    let failed = |source| Error::Input { from: file.map(Path::to_owned), source };
    let mut text = String::new();
    match file {
        Some(path) => {
            std::fs::File::open(path).and_then(|file| file.take(LONGEST_INPUT).read_to_string(&mut text))
        }
        None => input.take(LONGEST_INPUT).read_to_string(&mut text),
    }
    .map_err(failed)?;
    Ok(text)
}

/// The same of a password: a file that others than its owner can read is refused.
fn read_secret(file: Option<&Path>, input: &mut impl Read) -> Result<String, Error> {
    let Some(path) = file else { return read(None, input) };
    let text = secret::read_private(path).and_then(|bytes| {
        String::from_utf8(bytes)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is no text in UTF-8"))
    });
    text.map_err(|source| Error::Input { from: Some(path.to_owned()), source })
}

/// Why a command did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A value that cannot be.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The file or standard input.
    #[error("{} cannot be read: {source}", from.as_ref().map_or("standard input".into(), |path| path.to_string_lossy()))]
    Input {
        /// Which file; none: standard input.
        from: Option<PathBuf>,
        /// What the system said.
        source: io::Error,
    },
    /// Another website has the domain.
    #[error(
        "the domain {domain} belongs to website {tracking_id} ({name}): give another, or --force if both are to have it"
    )]
    DomainTaken {
        /// The domain.
        domain: String,
        /// Whose it is.
        tracking_id: String,
        /// What people call that website.
        name: String,
    },
    /// The database refused or did not answer.
    #[error(transparent)]
    Metadata(#[from] footfall_metadata::Error),
    /// Nobody reads what is printed.
    #[error("the result could not be printed: {0}")]
    Print(#[from] io::Error),
}

impl Error {
    /// What the process ends with: 64 for what was typed wrong (a value, the name of what is not there, a file that is none), 1 for what the
    /// data does not allow (a tracking id in use), 74 for a file, a database or a terminal that fails.
    pub fn exit_code(&self) -> u8 {
        use footfall_metadata::Error as Stored;
        match self {
            Self::Invalid(_) | Self::Metadata(Stored::Unknown(_)) => USAGE,
            Self::Input { from: Some(_), source } if is_no_file(source) || secret::is_open(source) => USAGE,
            Self::DomainTaken { .. }
            | Self::Metadata(Stored::TrackingIdTaken(_) | Stored::Taken(_) | Stored::Forbidden(_)) => 1,
            Self::Input { .. } | Self::Metadata(_) | Self::Print(_) => 74,
        }
    }
}

/// Whether what was named is not there, is no file, or is no text.
fn is_no_file(source: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, IsADirectory, NotADirectory, NotFound};
    matches!(source.kind(), InvalidData | IsADirectory | NotADirectory | NotFound)
}

#[cfg(test)]
mod tests;
