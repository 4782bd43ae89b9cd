//! From which tables a period is answered: a function of the question and of how far the tables are. Whole days come from rows of days, whole
//! hours from rows of hours, and what an edge cuts, what has changed since and what is not whole yet from the events. Pure; sends nothing.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::freshness::Freshness;
use super::spans::{DAY_MS, HOUR_MS, Span, ceil, floor, merged, without};

/// Most stretches of hours that are to be read from the events although they are whole; where there are more, all between the first and
/// the last are.
const MAX_STALE: usize = 16;

/// Where rows come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Rows of whole UTC days.
    Days,
    /// Rows of whole UTC hours.
    Hours,
    /// The events.
    Raw,
    /// Single sessions.
    Sessions,
}

/// A part of a period, and where its rows come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Where its rows come from.
    pub source: Source,
    /// Its first instant, milliseconds since 1970.
    pub from_ms: i64,
    /// The first instant after it.
    pub to_ms: i64,
}

/// Pieces in order that are the period together: without gap, without overlap, and neighbours of different sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pieces: Vec<Piece>,
}

impl Plan {
    /// All from the events, which always can answer.
    pub(super) fn raw((from_ms, to_ms): Span) -> Self {
        Self { pieces: vec![Piece { source: Source::Raw, from_ms, to_ms }] }
    }

    /// The cheapest one that is right. No row of the tables may hold an edge inside: on each side of it another figure is asked for.
    pub(super) fn new(period: Span, edges: &[i64], freshness: &Freshness) -> Self {
        let (from, to) = period;
        let first = from.max(freshness.whole_from);
        let whole = (ceil(first, HOUR_MS), floor(to.min(freshness.whole_to), HOUR_MS));
        if whole.0 >= whole.1 {
            return Self::raw(period);
        }
        let mut holes = bounded(&freshness.stale, whole);
        holes.extend(cut(edges, HOUR_MS));
        let hours = without(whole, &merged(holes));
        let cut_days = merged(cut(edges, DAY_MS));
        let mut pieces = Vec::new();
        let mut days = Vec::new();
        for (from, to) in hours {
            let whole_days = (ceil(from, DAY_MS), floor(to, DAY_MS));
            let of_days =
                if whole_days.0 < whole_days.1 { without(whole_days, &cut_days) } else { Vec::new() };
            pieces.extend(without((from, to), &of_days).into_iter().map(|span| (Source::Hours, span)));
            days.extend(of_days);
        }
        pieces.extend(days.into_iter().map(|span| (Source::Days, span)));
        pieces.sort_unstable_by_key(|(_, span)| *span);
        let tables: Vec<Span> = merged(pieces.iter().map(|(_, span)| *span).collect());
        pieces.extend(without(period, &tables).into_iter().map(|span| (Source::Raw, span)));
        pieces.sort_unstable_by_key(|(_, span)| *span);
        let piece = |(source, (from_ms, to_ms))| Piece { source, from_ms, to_ms };
        Self { pieces: pieces.into_iter().map(piece).collect() }
    }

    /// What visits are counted from: rows of the hours of whole days, and single sessions beyond.
    pub(super) fn of_visits(period: Span, edges: &[i64], freshness: &Freshness) -> Self {
        let days = Freshness {
            whole_from: ceil(freshness.whole_from.max(freshness.visits_from), DAY_MS),
            whole_to: floor(freshness.whole_to, DAY_MS),
            ..Freshness::default()
        };
        let mut pieces: Vec<Piece> = Vec::new();
        for piece in Self::new(period, edges, &days).pieces {
            let source = if piece.source == Source::Raw { Source::Sessions } else { Source::Hours };
            match pieces.last_mut() {
                Some(last) if last.source == source => last.to_ms = piece.to_ms,
                _ => pieces.push(Piece { source, ..piece }),
            }
        }
        Self { pieces }
    }

    /// All from single sessions.
    pub(super) fn sessions((from_ms, to_ms): Span) -> Self {
        Self { pieces: vec![Piece { source: Source::Sessions, from_ms, to_ms }] }
    }

    /// Its pieces.
    pub(super) fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// The spans that are read from a source.
    pub(super) fn spans(&self, source: Source) -> Vec<Span> {
        let of_source = self.pieces.iter().filter(|piece| piece.source == source);
        of_source.map(|piece| (piece.from_ms, piece.to_ms)).collect()
    }
}

/// Those within a span, and not too many of them.
fn bounded(stale: &[Span], within: Span) -> Vec<Span> {
    let stale: Vec<Span> =
        stale.iter().copied().filter(|(from, to)| *to > within.0 && *from < within.1).collect();
    match (stale.first(), stale.last()) {
        (Some(first), Some(last)) if stale.len() > MAX_STALE => vec![(first.0, last.1)],
        _ => stale,
    }
}

/// The cells of this length that have an edge inside.
fn cut(edges: &[i64], length: i64) -> Vec<Span> {
    let inside = edges.iter().filter(|edge| edge.rem_euclid(length) != 0);
    inside.map(|edge| (floor(*edge, length), ceil(*edge, length))).collect()
}
