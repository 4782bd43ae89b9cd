//! `central admin permission …`.

use std::io::Write;

use clap::{Args, Subcommand};
use serde_json::json;

use super::table::{list, maybe, one};
use super::{Error, OfWebsite, Output, WebsiteId};
use footfall_metadata::{Email, Metadata, Role};

/// What can be done with permissions.
#[derive(Debug, Subcommand)]
pub enum Permission {
    /// Give a user a role; the role owner is taken from whoever has it, who becomes admin.
    Grant(Grant),
    /// Take from a user whatever he may do with a website.
    Revoke(Revoke),
    /// List who may do what with a website, or what a user may do.
    List(List),
}

/// A role to be given.
#[derive(Debug, Args)]
pub struct Grant {
    #[command(flatten)]
    of: OfWebsite,
    /// The user's email address.
    #[arg(long)]
    email: String,
    /// owner, admin, editor or viewer.
    #[arg(long)]
    role: String,
    /// Email address of who decided it.
    #[arg(long, value_name = "EMAIL")]
    granted_by: Option<String>,
    #[command(flatten)]
    output: Output,
}

/// A role to be taken.
#[derive(Debug, Args)]
pub struct Revoke {
    #[command(flatten)]
    of: OfWebsite,
    /// The user's email address.
    #[arg(long)]
    email: String,
    #[command(flatten)]
    output: Output,
}

/// Whose to list.
#[derive(Debug, Args)]
#[group(required = true, multiple = false, args = ["website", "email"])]
pub struct List {
    /// A website: its tracking id or website id.
    #[arg(long, value_name = "ID")]
    website: Option<WebsiteId>,
    /// A user's email address.
    #[arg(long)]
    email: Option<String>,
    #[command(flatten)]
    output: Output,
}

/// A command whose values are known to be good.
pub(super) enum Prepared {
    Grant { of: OfWebsite, email: Email, role: Role, granted_by: Option<Email>, json: bool },
    Revoke { of: OfWebsite, email: Email, json: bool },
    ListOfWebsite { of: OfWebsite, json: bool },
    ListOfUser { email: Email, json: bool },
}

impl Permission {
    pub(super) fn prepare(self) -> Result<Prepared, Error> {
        Ok(match self {
            Self::Grant(grant) => Prepared::Grant {
                of: grant.of,
                email: grant.email.parse()?,
                role: grant.role.parse()?,
                granted_by: grant.granted_by.map(|email| email.parse()).transpose()?,
                json: grant.output.json,
            },
            Self::Revoke(revoke) => {
                Prepared::Revoke { of: revoke.of, email: revoke.email.parse()?, json: revoke.output.json }
            }
            Self::List(List { website: Some(website), output, .. }) => {
                Prepared::ListOfWebsite { of: OfWebsite { website }, json: output.json }
            }
            Self::List(List { email, output, .. }) => {
                Prepared::ListOfUser { email: email.unwrap_or_default().parse()?, json: output.json }
            }
        })
    }
}

impl Prepared {
    pub(super) async fn run(self, metadata: &Metadata, out: &mut impl Write) -> Result<(), Error> {
        match self {
            Self::Grant { of, email, role, granted_by, json } => {
                let website = of.find(metadata).await?;
                let granted = metadata.grant(&website, &email, role, granted_by.as_ref()).await?;
                one(&granted, json, out, |granted| {
                    format!("{} is {} of {}", granted.email, granted.role, granted.tracking_id)
                })?;
            }
            Self::Revoke { of, email, json } => {
                let website = of.find(metadata).await?;
                metadata.revoke(&website, &email).await?;
                let revoked = json!({ "tracking_id": website.tracking_id, "email": email.as_str() });
                one(&revoked, json, out, |_| format!("{email} is nothing of {}", website.tracking_id))?;
            }
            Self::ListOfWebsite { of, json } => {
                let website = of.find(metadata).await?;
                print(&metadata.permissions(&website).await?, json, out)?;
            }
            Self::ListOfUser { email, json } => {
                let permissions = metadata.permissions_of(&email).await?;
                // Who may do nothing is not who is not there.
                if permissions.is_empty()
                    && !metadata.users().await?.iter().any(|user| user.email == email.as_str())
                {
                    return Err(footfall_metadata::Error::Unknown(format!("user {email}")).into());
                }
                print(&permissions, json, out)?;
            }
        }
        Ok(())
    }
}

fn print(
    permissions: &[footfall_metadata::Permission],
    json: bool,
    out: &mut impl Write,
) -> Result<(), Error> {
    Ok(list("permissions", permissions, json, out, |permission| {
        [
            permission.tracking_id.clone(),
            permission.email.clone(),
            permission.role.to_string(),
            permission.granted_at.clone(),
            maybe(permission.granted_by.as_ref()),
        ]
    })?)
}
