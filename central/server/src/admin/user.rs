//! `central admin user …`. A password comes from a file or from standard input, never from the command line, which others can read.

use std::io::{Read, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::table::{list, maybe, one};
use super::{Error, Output, read_secret};
use footfall_metadata::{Email, Metadata, NewUser, Password, UserStatus, name};

/// What can be done with users.
#[derive(Debug, Subcommand)]
pub enum User {
    /// Add a user, who cannot sign in until a password is set.
    Add(Add),
    /// List the users.
    List(Output),
    /// Set a user's password.
    SetPassword(SetPassword),
    /// Suspend, restore or delete a user.
    Status(SetStatus),
}

/// A user to be added.
#[derive(Debug, Args)]
pub struct Add {
    /// Email address.
    #[arg(long)]
    email: String,
    /// What the person is called.
    #[arg(long)]
    name: String,
    /// Where the person works.
    #[arg(long)]
    company: Option<String>,
    /// As what. What a person may do is given by `permission grant`.
    #[arg(long)]
    role: Option<String>,
    /// A file whose first line is the password.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

/// A password to be set.
#[derive(Debug, Args)]
pub struct SetPassword {
    /// Email address.
    #[arg(long)]
    email: String,
    /// A file whose first line is the password; without it the password is the first line of standard input.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

/// A status to be set.
#[derive(Debug, Args)]
pub struct SetStatus {
    /// Email address.
    #[arg(long)]
    email: String,
    /// active, suspended or deleted.
    status: String,
    #[command(flatten)]
    output: Output,
}

/// A command whose values are known to be good.
pub(super) enum Prepared {
    Add { new: NewUser, json: bool },
    List { json: bool },
    SetPassword { email: Email, password: Password, json: bool },
    Status { email: Email, status: UserStatus, json: bool },
}

impl User {
    pub(super) fn prepare(self, input: &mut impl Read) -> Result<Prepared, Error> {
        Ok(match self {
            Self::Add(add) => {
                let optional =
                    |what, most, text: Option<String>| text.map(|text| name(what, most, &text)).transpose();
                let new = NewUser {
                    email: add.email.parse()?,
                    name: name("a user's name", 255, &add.name)?,
                    company: optional("a company's name", 255, add.company)?,
                    position: optional("a user's role", 100, add.role)?,
                    password: match add.password_file {
                        None => None,
                        file => Some(first_line(&read_secret(file.as_deref(), input)?).parse()?),
                    },
                };
                Prepared::Add { new, json: add.output.json }
            }
            Self::List(output) => Prepared::List { json: output.json },
            Self::SetPassword(set) => {
                let email = set.email.parse()?;
                let password = first_line(&read_secret(set.password_file.as_deref(), input)?).parse()?;
                Prepared::SetPassword { email, password, json: set.output.json }
            }
            Self::Status(set) => Prepared::Status {
                email: set.email.parse()?,
                status: set.status.parse()?,
                json: set.output.json,
            },
        })
    }
}

/// Without its end, so that an editor's last newline is not part of a password.
fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

impl Prepared {
    pub(super) async fn run(self, metadata: &Metadata, out: &mut impl Write) -> Result<(), Error> {
        match self {
            Self::Add { new, json } => {
                let added = metadata.add_user(new).await?;
                one(&added, json, out, |user| format!("{}  {} (added)", user.email, user.name))?;
            }
            Self::List { json } => list("users", &metadata.users().await?, json, out, |user| {
                let password = if user.has_password { "" } else { "no password" };
                let signed_in = maybe(user.last_login_at.as_ref());
                [
                    user.email.clone(),
                    user.name.clone(),
                    user.status.to_string(),
                    signed_in,
                    password.to_owned(),
                ]
            })?,
            Self::SetPassword { email, password, json } => {
                let user = metadata.set_password(&email, password).await?;
                one(&user, json, out, |user| format!("{}  password set", user.email))?;
            }
            Self::Status { email, status, json } => {
                let user = metadata.set_user_status(&email, status).await?;
                one(&user, json, out, |user| format!("{}  {}", user.email, user.status))?;
            }
        }
        Ok(())
    }
}
