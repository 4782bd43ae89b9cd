//! What `central replay` and `central dead-letter` are told, and what they print. Opens nothing.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use footfall_log::dead_letter::Parked;
use footfall_sink::raw_log::name::parse_day;
use footfall_sink::replay::events::DayReport;
use footfall_sink::replay::live::LiveReport;
use footfall_sink::replay::parked::{Outcome, Place};

/// `central replay`.
#[derive(Clone, Debug, Args)]
pub struct Rebuild {
    /// The first UTC day, yyyy-mm-dd. The live view is its last hour, whatever is said here.
    #[arg(long, value_parser = day, required_if_eq("into", "events"))]
    pub from: Option<u16>,
    /// The last UTC day, yyyy-mm-dd.
    #[arg(long, value_parser = day, required_if_eq("into", "events"))]
    pub to: Option<u16>,
    /// Which tier.
    #[arg(long)]
    pub into: Tier,
    /// Replaces a day although the raw log does not account for all of its rows.
    #[arg(long)]
    pub accept_loss: bool,
    /// Prints JSON, one line for each day.
    #[arg(long)]
    pub json: bool,
}

/// `central rebuild`.
#[derive(Clone, Debug, Args)]
pub struct Recomputation {
    /// What is compared before and after; all that is derived of these days is computed.
    pub what: Derived,
    /// The first UTC day, yyyy-mm-dd.
    #[arg(long, value_parser = day)]
    pub from: u16,
    /// The last UTC day, yyyy-mm-dd.
    #[arg(long, value_parser = day)]
    pub to: u16,
    /// Of one website, by its tracking id or website id.
    #[arg(long, visible_alias = "website")]
    pub site: Option<String>,
    /// Prints JSON, one line for each table.
    #[arg(long)]
    pub json: bool,
}

/// What is computed from the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Derived {
    /// Sessions that have ended.
    Sessions,
    /// Which session reached which goal.
    Conversions,
    /// What stands in tables by hour and day.
    Aggregates,
}

/// What can be rebuilt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Tier {
    /// The raw events, day by day.
    Events,
    /// The live view in Redis, its last hour.
    Live,
}

/// `central dead-letter`.
#[derive(Clone, Debug, Subcommand)]
pub enum DeadLetter {
    /// Lists what is parked: place in the log, reason, size.
    List {
        /// Prints JSON, one line for each.
        #[arg(long)]
        json: bool,
    },
    /// Shows one parked thing with its payload.
    Show {
        /// Its place as `list` prints it.
        place: String,
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
    /// Gives what is parked to the event store again, from the raw log: what can be stored by now is, once.
    Replay {
        /// Only this one, by its place as `list` prints it.
        place: Option<String>,
        /// Believes the receipt times of records that were parked because of them, as far as a table can hold them.
        #[arg(long)]
        any_time: bool,
        /// Prints JSON, one line for each.
        #[arg(long)]
        json: bool,
    },
}

fn day(text: &str) -> Result<u16, &'static str> {
    parse_day(text).ok_or("a day is yyyy-mm-dd")
}

/// One line for a day.
///
/// # Errors
/// Nobody reads what is printed.
pub fn print_day(report: &DayReport, json: bool, out: &mut impl Write) -> io::Result<()> {
    if json {
        return writeln!(out, "{}", json!(report));
    }
    let DayReport { day, raw_records, unreadable, events, refused, rows_before, rows_after, .. } = report;
    write!(
        out,
        "{day}: {raw_records} raw records, {events} events; rows before {rows_before}, after {rows_after}"
    )?;
    for (count, what) in [
        (*unreadable, "things cannot be read"),
        (*refused, "events were refused as bad data"),
        (report.unaccounted, "rows are gone that the raw log does not have"),
        (report.missing_offsets, "offsets are missing in the raw log"),
    ] {
        if count > 0 {
            write!(out, "; {count} {what}")?;
        }
    }
    writeln!(out, "{}", if report.replaced { "; replaced" } else { "; nothing to replace" })
}

/// One line for the live view.
///
/// # Errors
/// Nobody reads what is printed.
pub fn print_live(report: &LiveReport, json: bool, out: &mut impl Write) -> io::Result<()> {
    if json {
        return writeln!(out, "{}", json!(report));
    }
    let LiveReport { raw_records, events, pageviews, held_events, held_pageviews, .. } = report;
    write!(
        out,
        "the last hour: {raw_records} raw records read, {events} events, {pageviews} of them page views; Redis holds {held_events} and \
         {held_pageviews}"
    )?;
    for (count, what) in [
        (report.unreadable, "things cannot be read"),
        (report.missing_offsets, "offsets are missing in the raw log"),
    ] {
        if count > 0 {
            write!(out, "; {count} {what}")?;
        }
    }
    writeln!(out)
}

/// The place of a parked thing, for people and to be typed: partition-offset, and the event's index where it is one.
pub fn place_text((partition, offset, index): Place) -> String {
    let index = index.map(|index| format!("-{index}")).unwrap_or_default();
    format!("{partition}-{offset}{index}")
}

fn described(parked: &Parked, payload: bool) -> Value {
    let mut value = json!({
        "place": place_text((parked.partition, parked.offset, parked.index)),
        "incarnation": hex(&parked.incarnation),
        "partition": parked.partition,
        "offset": parked.offset,
        "index": parked.index,
        "reason": parked.reason,
        "bytes": parked.payload.len(),
    });
    if payload {
        value["payload_hex"] = hex(&parked.payload).into();
    }
    value
}

/// What is parked, each once.
///
/// # Errors
/// Nobody reads what is printed.
pub fn print_list(parked: &[Parked], json: bool, out: &mut impl Write) -> io::Result<()> {
    for parked in parked {
        if json {
            writeln!(out, "{}", described(parked, false))?;
        } else {
            let place = place_text((parked.partition, parked.offset, parked.index));
            writeln!(out, "{place}\t{}\t{} bytes", parked.reason, parked.payload.len())?;
        }
    }
    Ok(())
}

/// One parked thing with its payload, sixteen bytes to a line.
///
/// # Errors
/// Nobody reads what is printed.
pub fn print_parked(parked: &Parked, json: bool, out: &mut impl Write) -> io::Result<()> {
    if json {
        return writeln!(out, "{}", described(parked, true));
    }
    let place = place_text((parked.partition, parked.offset, parked.index));
    writeln!(out, "{place}\nlog {}\nreason {}", hex(&parked.incarnation), parked.reason)?;
    for (line, bytes) in parked.payload.chunks(16).enumerate() {
        let text: String =
            bytes.iter().map(|byte| if byte.is_ascii_graphic() { char::from(*byte) } else { '.' }).collect();
        writeln!(out, "{:08x}  {:<32}  {text}", line * 16, hex(bytes))?;
    }
    Ok(())
}

/// What became of parked things.
///
/// # Errors
/// Nobody reads what is printed.
pub fn print_outcomes(
    outcomes: &BTreeMap<Place, Outcome>,
    json: bool,
    out: &mut impl Write,
) -> io::Result<()> {
    for (place, outcome) in outcomes {
        let place = place_text(*place);
        if json {
            let mut value = json!(outcome);
            value["place"] = place.into();
            writeln!(out, "{value}")?;
            continue;
        }
        let sentence = match outcome {
            Outcome::Stored { events } => format!("{events} events are stored"),
            Outcome::Nothing => "nothing in it is to be stored".to_owned(),
            Outcome::Parked { reason } => format!("stays parked: {reason}"),
            Outcome::Unreadable { reason } => format!("still cannot be read: {reason}"),
            Outcome::Refused => "the event store still refuses it".to_owned(),
            Outcome::Missing => "the raw log does not have it".to_owned(),
        };
        writeln!(out, "{place}\t{sentence}")?;
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn printed(print: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        print(&mut out).expect("printed");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_day_is_one_line_and_names_what_is_out_of_the_ordinary_only() {
        let mut report =
            DayReport { day: "2026-11-22".into(), raw_records: 3, events: 5, ..DayReport::default() };
        (report.rows_before, report.rows_after, report.replaced) = (4, 5, true);
        let line = printed(|out| print_day(&report, false, out));
        assert_eq!(line, "2026-11-22: 3 raw records, 5 events; rows before 4, after 5; replaced\n");
        report.unreadable = 1;
        assert!(printed(|out| print_day(&report, false, out)).contains("; 1 things cannot be read;"));
        let value: Value = serde_json::from_str(&printed(|out| print_day(&report, true, out))).expect("JSON");
        assert_eq!((value["raw_records"].as_u64(), value["rows_after"].as_u64()), (Some(3), Some(5)));
    }

    #[test]
    fn a_parked_thing_is_shown_with_place_reason_and_payload() {
        let parked = Parked {
            incarnation: Bytes::from_static(&[0xab; 16]),
            offset: 9,
            index: Some(2),
            reason: "event".into(),
            payload: Bytes::from_static(b"\xffhello"),
            partition: 3,
        };
        let shown = printed(|out| print_parked(&parked, false, out));
        assert!(shown.starts_with("3-9-2\nlog abab") && shown.contains("reason event"), "{shown}");
        assert!(shown.contains("ff68656c6c6f") && shown.contains(".hello"), "{shown}");
        let value: Value =
            serde_json::from_str(&printed(|out| print_parked(&parked, true, out))).expect("JSON");
        assert_eq!((&value["place"], &value["payload_hex"]), (&json!("3-9-2"), &json!("ff68656c6c6f")));
        let listed = printed(|out| print_list(&[parked], true, out));
        assert!(!listed.contains("payload_hex"), "{listed}");
    }
}
