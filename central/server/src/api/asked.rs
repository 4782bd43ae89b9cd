//! What requests for reports have in common: the period and the zone that they name, and what an answer says of where it came from.

use serde::Serialize;
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

use super::problem::Problem;
use footfall_query::{Basis, Period, Source, Zone};

/// A period in a zone: its days are those of the zone.
pub(super) fn period(
    from: Option<&str>,
    to: Option<&str>,
    now: OffsetDateTime,
    zone: &Zone,
) -> Result<Period, Problem> {
    Period::parse_in(from, to, now, zone).map_err(|invalid| Problem::bad_request(invalid.to_string()))
}

/// The zone of this name.
pub(super) fn zone(name: &str) -> Result<Zone, Problem> {
    Zone::named(name).map_err(|unknown| Problem::bad_request(unknown.to_string()))
}

/// Milliseconds since 1970.
pub(super) fn milliseconds(now: OffsetDateTime) -> i64 {
    now.unix_timestamp() * 1000 + i64::from(now.millisecond())
}

/// What an answer was made from.
#[derive(Serialize)]
pub(super) struct Meta {
    plan: Vec<Part>,
    /// The same of visits and bounces.
    visits_plan: Vec<Part>,
    /// Whole hours before it come from tables.
    fresh_until: Option<String>,
    /// Visits whose last event was before it are counted.
    sessions_until: Option<String>,
    tz: String,
}

/// A part of the period.
#[derive(Serialize)]
struct Part {
    source: Source,
    from: String,
    to: String,
}

impl Meta {
    /// `to_ms`: where the period ends that was asked for, milliseconds since 1970.
    pub(super) fn new(basis: &Basis, to_ms: i64, zone: &Zone) -> Self {
        let parts = |plan: &[footfall_query::Piece]| {
            let asked = plan.iter().filter(|piece| piece.from_ms < to_ms || plan.len() == 1);
            let part = |piece: &footfall_query::Piece| Part {
                source: piece.source,
                from: instant(piece.from_ms, 0),
                to: instant(piece.to_ms.min(to_ms), 0),
            };
            asked.map(part).collect()
        };
        Self {
            plan: parts(&basis.plan),
            visits_plan: parts(&basis.visits_plan),
            fresh_until: basis.fresh_until_ms.map(|at| instant(at, 0)),
            sessions_until: basis.sessions_until_ms.map(|at| instant(at, 0)),
            tz: zone.name().to_owned(),
        }
    }
}

/// RFC 3339, so many seconds ahead of UTC.
pub(super) fn instant(at_ms: i64, offset_s: i32) -> String {
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(at_ms) * 1_000_000);
    let at = at.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let offset = UtcOffset::from_whole_seconds(offset_s).unwrap_or(UtcOffset::UTC);
    let written = at.to_offset(offset).format(&Rfc3339).or_else(|_| at.format(&Rfc3339));
    written.expect("a time between 1970 and 2200 can be written")
}

#[cfg(test)]
mod tests {
    use super::*;
    use footfall_query::Piece;

    #[test]
    fn instants_are_written_with_the_zones_offset() {
        assert_eq!(instant(1_795_435_200_000, 0), "2026-11-23T12:00:00Z");
        assert_eq!(instant(1_795_435_200_250, 20_700), "2026-11-23T17:45:00.25+05:45");
    }

    #[test]
    fn a_plan_without_end_ends_with_the_period_that_was_asked_for() {
        let piece = |source, from_ms, to_ms| Piece { source, from_ms, to_ms };
        let basis = Basis {
            plan: vec![piece(Source::Hours, 0, 3_600_000), piece(Source::Raw, 3_600_000, i64::MAX)],
            visits_plan: vec![piece(Source::Sessions, 0, i64::MAX)],
            fresh_until_ms: Some(3_600_000),
            sessions_until_ms: None,
        };
        let meta = serde_json::to_value(Meta::new(&basis, 5_400_000, &Zone::utc())).expect("plain data");
        assert_eq!(
            meta,
            serde_json::json!({
                "plan": [
                    { "source": "hours", "from": "1970-01-01T00:00:00Z", "to": "1970-01-01T01:00:00Z" },
                    { "source": "raw", "from": "1970-01-01T01:00:00Z", "to": "1970-01-01T01:30:00Z" },
                ],
                "visits_plan": [{ "source": "sessions", "from": "1970-01-01T00:00:00Z", "to": "1970-01-01T01:30:00Z" }],
                "fresh_until": "1970-01-01T01:00:00Z", "sessions_until": null, "tz": "UTC",
            })
        );
    }
}
