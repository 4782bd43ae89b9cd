//! `central admin website …`.

use std::io::Write;
use std::net::IpAddr;

use clap::{ArgAction, Args, Subcommand};

use super::table::{list, one};
use super::{Error, OfWebsite, Output};
use footfall_metadata::{
    Added, Change, Domain, Metadata, NewWebsite, Status, Website as Row, currency, name, retention_days,
    sampling_rate, timezone,
};

/// What can be done with websites.
#[derive(Debug, Subcommand)]
pub enum Website {
    /// Add a website; prints its tracking id.
    Add(Add),
    /// List the websites.
    List(Output),
    /// Show everything about a website.
    Show(Named),
    /// Change a website; what is not named stays.
    Set(Set),
    /// Refuse a website's events until it is resumed.
    Pause(Named),
    /// Take a website's events again.
    Resume(Named),
    /// Delete a website: its events are refused, its tracking id stays taken, what was stored stays stored.
    Delete(Named),
}

/// Which one.
#[derive(Debug, Args)]
pub struct Named {
    #[command(flatten)]
    of: OfWebsite,
    #[command(flatten)]
    output: Output,
}

/// What is to be different.
#[derive(Debug, Args)]
pub struct Set {
    #[command(flatten)]
    named: Named,
    /// What people call it.
    #[arg(long)]
    name: Option<String>,
    /// Where it is served: a host name without scheme and port. Subdomains are included.
    #[arg(long)]
    domain: Option<String>,
    /// Further domains whose pages may carry the tag, in the place of those before; may be given several times.
    #[arg(long = "also-domain", value_name = "DOMAIN", conflicts_with = "no_also_domain")]
    also_domain: Vec<String>,
    /// No further domains.
    #[arg(long)]
    no_also_domain: bool,
    /// Take domains although another website has them.
    #[arg(long)]
    force: bool,
    /// Name in the IANA time zone database.
    #[arg(long)]
    timezone: Option<String>,
    /// ISO 4217 code.
    #[arg(long)]
    currency: Option<String>,
    /// The owner's line of business; empty for none.
    #[arg(long)]
    industry: Option<String>,
    /// Cut visitors' addresses before they are stored, with their consent too.
    #[arg(long, action = ArgAction::Set, value_name = "true|false")]
    ip_anonymization: Option<bool>,
    /// Leave bots out.
    #[arg(long, action = ArgAction::Set, value_name = "true|false")]
    bot_filtering: Option<bool>,
    /// For how many days events are to be kept. Nothing acts on it yet: the number is kept, and no event is deleted for its age.
    #[arg(long, value_name = "DAYS")]
    data_retention_days: Option<String>,
    /// Share of events to keep, 0.01 to 1.
    #[arg(long)]
    sampling_rate: Option<String>,
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
    /// Take domains although another website has them.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    output: Output,
}

/// A command whose values are known to be good.
pub(super) enum Prepared {
    Add { new: NewWebsite, if_missing: bool, force: bool, json: bool },
    List { json: bool },
    Show(Named),
    Set { named: Named, change: Change, force: bool },
    Status { named: Named, status: Status },
}

impl Website {
    pub(super) fn prepare(self) -> Result<Prepared, Error> {
        Ok(match self {
            Self::Add(add) => {
                let (if_missing, force, json) = (add.if_missing, add.force, add.output.json);
                Prepared::Add { new: add.parse()?, if_missing, force, json }
            }
            Self::List(Output { json }) => Prepared::List { json },
            Self::Show(named) => Prepared::Show(named),
            Self::Set(set) => set.parse()?,
            Self::Pause(named) => Prepared::Status { named, status: Status::Paused },
            Self::Resume(named) => Prepared::Status { named, status: Status::Active },
            Self::Delete(named) => Prepared::Status { named, status: Status::Deleted },
        })
    }
}

const NAME: &str = "a website's name";

impl Add {
    fn parse(self) -> Result<NewWebsite, Error> {
        Ok(NewWebsite {
            name: name(NAME, 255, &self.name)?,
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

impl Set {
    fn parse(self) -> Result<Prepared, Error> {
        let extra_domains = if self.no_also_domain || !self.also_domain.is_empty() {
            Some(self.also_domain.iter().map(|domain| domain.parse()).collect::<Result<_, _>>()?)
        } else {
            None
        };
        let industry = |text: String| {
            if text.is_empty() { Ok(text) } else { name("an industry", 100, &text) }
        };
        let change = Change {
            name: self.name.map(|text| name(NAME, 255, &text)).transpose()?,
            domain: self.domain.map(|domain| domain.parse()).transpose()?,
            extra_domains,
            timezone: self.timezone.map(|text| timezone(&text)).transpose()?,
            currency: self.currency.map(|text| currency(&text)).transpose()?,
            industry: self.industry.map(industry).transpose()?,
            bot_filtering_enabled: self.bot_filtering,
            ip_anonymization_enabled: self.ip_anonymization,
            data_retention_days: self.data_retention_days.map(|days| retention_days(&days)).transpose()?,
            sampling_rate: self.sampling_rate.map(|rate| sampling_rate(&rate)).transpose()?,
        };
        Ok(Prepared::Set { named: self.named, change, force: self.force })
    }
}

/// Said whenever it is set.
const RETENTION: &str =
    "central: data_retention_days is kept, but nothing acts on it yet: no event is deleted for its age";

impl Prepared {
    /// Prints what was done to `out`, and what whoever typed it should know to `notes`.
    pub(super) async fn run(
        self,
        metadata: &Metadata,
        out: &mut impl Write,
        notes: &mut impl Write,
    ) -> Result<(), Error> {
        match self {
            Self::Add { new, if_missing, force, json } => {
                print_added(&add(metadata, new, if_missing, force).await?, json, out)?;
            }
            Self::List { json } => list("websites", &metadata.websites().await?, json, out, |website| {
                let note = if website.status == Status::Paused { "(paused)" } else { "" };
                let Row { tracking_id, domain, name, .. } = website;
                [tracking_id.clone(), domain.clone(), format!("{name} {note}").trim_end().to_owned()]
            })?,
            Self::Show(Named { of, output }) => one(&of.find(metadata).await?, output.json, out, shown)?,
            Self::Set { named: Named { of, output }, change, force } => {
                let website = of.find(metadata).await?;
                if !force {
                    let others = metadata.websites().await?;
                    let others = others.iter().filter(|other| other.website_id != website.website_id);
                    free(&others, change.domain.iter().chain(change.extra_domains.iter().flatten()))?;
                }
                let retention = change.data_retention_days.is_some();
                let changed = metadata.change_website(&website.website_id, change).await?;
                one(&changed, output.json, out, shown)?;
                if retention {
                    // It was set, whether anybody reads this or not.
                    let _unread = writeln!(notes, "{RETENTION}");
                }
            }
            Self::Status { named: Named { of, output }, status } => {
                let website = of.find(metadata).await?;
                let before = metadata.set_website_status(&website.website_id, status).await?;
                one(&Row { status, ..before }, output.json, out, |website| {
                    format!("{}  {}  {} ({status})", website.tracking_id, website.domain, website.name)
                })?;
            }
        }
        Ok(())
    }
}

async fn add(metadata: &Metadata, new: NewWebsite, if_missing: bool, force: bool) -> Result<Added, Error> {
    let others = metadata.websites().await?;
    let is_it = |other: &Row| match &new.tracking_id {
        Some(id) => other.tracking_id == id.as_str(),
        None => other.domain == new.domain.as_str(),
    };
    let there = if_missing && others.iter().any(is_it);
    // A tracking id that is in use is the graver mistake, and told below.
    let known = new.tracking_id.is_some() && others.iter().any(is_it);
    if !force && !there && !known {
        free(&others.iter(), std::iter::once(&new.domain).chain(&new.extra_domains))?;
    }
    if if_missing {
        return Ok(metadata.add_website_if_missing(new).await?);
    }
    Ok(Added { created: true, website: metadata.add_website(new).await? })
}

/// Refuses domains that one of the `others` has, as its own or as a further one. Names of this machine are nobody's: every website that is
/// being worked on has them.
fn free<'a>(
    others: &(impl Iterator<Item = &'a Row> + Clone),
    domains: impl Iterator<Item = &'a Domain>,
) -> Result<(), Error> {
    for domain in domains.map(Domain::as_str).filter(|domain| !is_this_machine(domain)) {
        let has = |other: &&Row| {
            other.domain == domain || other.extra_domains.iter().any(|further| further == domain)
        };
        if let Some(Row { tracking_id, name, .. }) = others.clone().find(has) {
            let (domain, tracking_id, name) = (domain.to_owned(), tracking_id.clone(), name.clone());
            return Err(Error::DomainTaken { domain, tracking_id, name });
        }
    }
    Ok(())
}

fn is_this_machine(domain: &str) -> bool {
    let address = domain.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    domain == "localhost"
        || domain.ends_with(".localhost")
        || address.is_ok_and(|address| address.is_loopback())
}

fn print_added(added: &Added, json: bool, out: &mut impl Write) -> Result<(), Error> {
    let done = if added.created { "added" } else { "already there, nothing changed" };
    Ok(one(added, json, out, |Added { website, .. }| {
        format!("{}  {}  {} ({done})", website.tracking_id, website.domain, website.name)
    })?)
}

/// A line for each column, under its name in the database.
fn shown(website: &Row) -> String {
    let columns = serde_json::json!(website);
    let columns = columns.as_object().into_iter().flatten();
    let lines = columns.filter(|(_, value)| !value.is_null()).map(|(column, value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        format!("{column:26}{text}")
    });
    lines.collect::<Vec<_>>().join("\n")
}
