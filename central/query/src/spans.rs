//! Arithmetic of spans of time: half open, in order, apart from each other. Pure.

pub(super) const HOUR_MS: i64 = 3_600_000;
pub(super) const DAY_MS: i64 = 24 * HOUR_MS;

/// From, inclusive, to, exclusive; milliseconds since 1970.
pub(super) type Span = (i64, i64);

/// The begin of the cell of this length that a time lies in.
pub(super) const fn floor(time: i64, length: i64) -> i64 {
    time.div_euclid(length) * length
}

/// The begin of the first cell of this length that begins at a time or behind it.
pub(super) const fn ceil(time: i64, length: i64) -> i64 {
    -floor(-time, length)
}

/// The spans in order, those that meet or overlap as one, and none that is empty.
pub(super) fn merged(mut spans: Vec<Span>) -> Vec<Span> {
    spans.retain(|(from, to)| from < to);
    spans.sort_unstable();
    let mut merged: Vec<Span> = Vec::with_capacity(spans.len());
    for (from, to) in spans {
        match merged.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => merged.push((from, to)),
        }
    }
    merged
}

/// What is left of a span without holes, which are merged.
pub(super) fn without(span: Span, holes: &[Span]) -> Vec<Span> {
    let mut left = Vec::new();
    let mut at = span.0;
    for &(from, to) in holes {
        if from >= span.1 {
            break;
        }
        if from > at {
            left.push((at, from));
        }
        at = at.max(to);
    }
    if at < span.1 {
        left.push((at, span.1));
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_rounded_merged_and_cut() {
        assert_eq!((floor(7, 5), ceil(7, 5), floor(10, 5), ceil(10, 5), ceil(0, 5)), (5, 10, 10, 10, 0));
        assert_eq!(merged(vec![(5, 7), (1, 2), (7, 9), (3, 3), (6, 8)]), [(1, 2), (5, 9)]);
        assert_eq!(without((0, 10), &[]), [(0, 10)]);
        assert_eq!(without((0, 10), &[(-5, 1), (3, 4), (4, 5), (9, 20), (30, 40)]), [(1, 3), (5, 9)]);
        assert_eq!(without((0, 10), &[(-1, 11)]), []);
    }
}
