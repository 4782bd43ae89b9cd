//! How many files and sockets this process may have open: the soft limit raised to the hard one at start, and how many of them
//! connections may take, so that the disk and outside systems always find one. Counts no connection itself.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What part of the limit connections never take: a quarter,
const KEPT_PART: u64 = 4;

/// but at least so many: segments, tables, outside systems and what answers `/healthz`.
const KEPT_AT_LEAST: u64 = 64;

/// Raises the soft limit of open descriptors to the hard one, and says how many this process may have open now. To be called once, first
/// thing; child processes inherit it.
///
/// # Errors
/// What the system says, if it does not allow what it names itself as allowed: the limit is then what it was.
pub fn raise() -> io::Result<u64> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
    }
    Ok(limit.maximum.unwrap_or(u64::MAX))
}

/// The same, first thing in a program: where the system refuses, the log says so and all goes on with the limit as it is.
pub fn raise_at_start() -> u64 {
    raise().unwrap_or_else(|error| {
        let limit = limit();
        tracing::warn!(%error, limit, "the limit of open files cannot be raised: fewer connections are taken");
        limit
    })
}

/// How many descriptors this process may have open, as the limit stands.
pub fn limit() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// How many connections all listeners of a process together may hold with so many descriptors: as many as wanted, but never those that are
/// kept back for the disk and for outside systems, a quarter and at least 64. At least one, for a process that may open next to nothing still
/// has to answer.
pub fn most_connections(limit: u64, wanted: usize) -> usize {
    let kept = (limit / KEPT_PART).max(KEPT_AT_LEAST);
    let left = usize::try_from(limit.saturating_sub(kept)).unwrap_or(usize::MAX);
    wanted.min(left).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_never_take_what_the_disk_needs() {
        for (limit, wanted, most) in [
            (256, 10_000, 192),
            (1_024, 10_000, 768),
            (1_048_576, 10_000, 10_000),
            (u64::MAX, 10_000, 10_000),
            (u64::MAX, usize::MAX, usize::try_from(u64::MAX - u64::MAX / 4).unwrap_or(usize::MAX)),
            (100, 10_000, 36),
            (64, 10_000, 1),
            (0, 10_000, 1),
            (1_024, 5, 5),
            (1_024, 0, 1),
        ] {
            assert_eq!(most_connections(limit, wanted), most, "{limit} descriptors, {wanted} wanted");
        }
    }

    #[test]
    fn the_soft_limit_becomes_the_hard_one() {
        let before = getrlimit(Resource::Nofile);
        // Lowered far enough to be seen, not so far that a test beside this one misses a descriptor.
        let low = before.maximum.map_or(4_096, |maximum| (maximum / 2).max(128));
        setrlimit(Resource::Nofile, Rlimit { current: Some(low), maximum: before.maximum }).expect("lowered");
        assert_eq!(limit(), low);
        let raised = raise().expect("raised");
        assert_eq!(Some(raised), Some(before.maximum.unwrap_or(u64::MAX)));
        assert_eq!(getrlimit(Resource::Nofile).current, before.maximum);
        assert_eq!(raise().expect("twice"), raised);
    }
}
