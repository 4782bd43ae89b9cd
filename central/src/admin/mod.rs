//! The `central admin` commands: work on the metadata database directly, whether central runs or not. They print; they serve nothing.

mod website;

use std::io::{self, Write};
use std::path::Path;

use clap::Subcommand;

use crate::store::metadata::{self, Invalid, Metadata};

/// What `central admin` can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add and list websites.
    #[command(subcommand)]
    Website(website::Website),
}

impl Command {
    /// Runs the command on the metadata database at `metadata_path` (made if there is none) and prints to standard output. A running
    /// central notices a change within two seconds.
    pub async fn run(self, metadata_path: &Path) -> Result<(), Error> {
        self.run_into(metadata_path, &mut io::stdout()).await
    }

    async fn run_into(self, metadata_path: &Path, out: &mut impl Write) -> Result<(), Error> {
        // What is written wrong is said before anything is opened.
        match self {
            Self::Website(command) => {
                let prepared = command.prepare()?;
                let metadata = Metadata::open(metadata_path).await?;
                let done = prepared.run(&metadata, out).await;
                metadata.close().await;
                done
            }
        }
    }
}

/// Why a command did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A value that cannot be.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// A name that is empty or too long.
    #[error("a website's name has 1 to 255 characters")]
    Name,
    /// The database refused or did not answer.
    #[error(transparent)]
    Metadata(#[from] metadata::Error),
    /// Nobody reads what is printed.
    #[error("the result could not be printed: {0}")]
    Print(#[from] io::Error),
}

impl Error {
    /// What the process ends with: 64 for what was typed wrong, 1 for a tracking id in use, 74 for a database or terminal that fails.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Invalid(_) | Self::Name => 64,
            Self::Metadata(metadata::Error::TrackingIdTaken(_)) => 1,
            Self::Metadata(_) | Self::Print(_) => 74,
        }
    }
}

#[cfg(test)]
mod tests;
