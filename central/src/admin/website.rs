//! `central admin website add|list`.

use std::io::Write;

use clap::{ArgAction, Args, Subcommand};

use super::Error;
use crate::store::metadata::{Added, Metadata, New, Status, Website as Row, sampling_rate, timezone};

/// What can be done with websites.
#[derive(Debug, Subcommand)]
pub enum Website {
    /// Add a website; prints its tracking id.
    Add(Add),
    /// List the websites.
    List(List),
}

/// A website to be added.
#[derive(Debug, Args)]
pub struct Add {
    /// What people call it.
    #[arg(long)]
    name: String,
    /// Where it is served: a host name without scheme and port. Subdomains are included.
    #[arg(long)]
    domain: String,
    /// A further domain whose pages may carry the tag; may be given several times.
    #[arg(long = "also-domain", value_name = "DOMAIN")]
    also_domain: Vec<String>,
    /// What the tag names the website by; one is made when none is given.
    #[arg(long)]
    tracking_id: Option<String>,
    /// Name in the IANA time zone database.
    #[arg(long, default_value = "UTC")]
    timezone: String,
    /// Cut visitors' addresses before they are stored, with their consent too.
    #[arg(long, action = ArgAction::Set, default_value_t = true, value_name = "true|false")]
    ip_anonymization: bool,
    /// Leave bots out.
    #[arg(long, action = ArgAction::Set, default_value_t = true, value_name = "true|false")]
    bot_filtering: bool,
    /// Share of events to keep, 0.01 to 1.
    #[arg(long, default_value = "1")]
    sampling_rate: String,
    /// Email address of the owner, who is added with a locked password if nobody has it yet.
    #[arg(long, default_value = "owner@localhost")]
    owner: String,
    /// Change nothing if there is a website with this tracking id or, where none is given, this domain.
    #[arg(long)]
    if_missing: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// How to list.
#[derive(Debug, Args)]
pub struct List {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// A command whose values are known to be good.
pub(super) enum Prepared {
    Add { new: New, if_missing: bool, json: bool },
    List { json: bool },
}

impl Website {
    pub(super) fn prepare(self) -> Result<Prepared, Error> {
        Ok(match self {
            Self::Add(add) => {
                let (if_missing, json) = (add.if_missing, add.json);
                Prepared::Add { new: add.parse()?, if_missing, json }
            }
            Self::List(List { json }) => Prepared::List { json },
        })
    }
}

impl Add {
    fn parse(self) -> Result<New, Error> {
        let name = self.name.trim().to_owned();
        if !(1..=255).contains(&name.chars().count()) {
            return Err(Error::Name);
        }
        Ok(New {
            name,
            domain: self.domain.parse()?,
            extra_domains: self.also_domain.iter().map(|domain| domain.parse()).collect::<Result<_, _>>()?,
            tracking_id: self.tracking_id.map(|id| id.parse()).transpose()?,
            timezone: timezone(&self.timezone)?,
            ip_anonymization_enabled: self.ip_anonymization,
            bot_filtering_enabled: self.bot_filtering,
            sampling_rate: sampling_rate(&self.sampling_rate)?,
            owner: self.owner.parse()?,
        })
    }
}

impl Prepared {
    pub(super) async fn run(self, metadata: &Metadata, out: &mut impl Write) -> Result<(), Error> {
        match self {
            Self::Add { new, if_missing: true, json } => {
                print_added(&metadata.add_website_if_missing(new).await?, json, out)?;
            }
            Self::Add { new, if_missing: false, json } => {
                let website = metadata.add_website(new).await?;
                print_added(&Added { created: true, website }, json, out)?;
            }
            Self::List { json } => print_list(&metadata.websites().await?, json, out)?,
        }
        Ok(())
    }
}

fn print_added(added: &Added, json: bool, out: &mut impl Write) -> Result<(), Error> {
    let Added { created, website } = added;
    if json {
        writeln!(out, "{}", serde_json::json!(added))?;
    } else {
        let done = if *created { "added" } else { "already there, nothing changed" };
        writeln!(out, "{}  {}  {} ({done})", website.tracking_id, website.domain, website.name)?;
    }
    Ok(())
}

fn print_list(websites: &[Row], json: bool, out: &mut impl Write) -> Result<(), Error> {
    if json {
        writeln!(out, "{}", serde_json::json!({ "websites": websites }))?;
        return Ok(());
    }
    let width =
        |of: fn(&Row) -> &str| websites.iter().map(|website| of(website).chars().count()).max().unwrap_or(0);
    let (ids, domains) = (width(|website| &website.tracking_id), width(|website| &website.domain));
    for website in websites {
        let note = if website.status == Status::Paused { " (paused)" } else { "" };
        writeln!(out, "{:ids$}  {:domains$}  {}{note}", website.tracking_id, website.domain, website.name)?;
    }
    Ok(())
}
