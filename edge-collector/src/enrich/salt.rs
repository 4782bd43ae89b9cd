//! The daily salts: made at random, kept private on disk so that a restart changes no visitor's id, destroyed after their day.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use footfall_daemon::file;
use parking_lot::Mutex;

use crate::session;

/// A UTC day, counted from the Unix epoch.
pub type Day = i64;

/// Milliseconds of a day.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// The day that a time falls into.
#[must_use]
pub fn day_of(now_ms: i64) -> Day {
    now_ms.div_euclid(DAY_MS)
}

/// Salts by day, at most yesterday's, today's and tomorrow's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Days(Vec<(Day, [u8; 32])>);

impl Days {
    /// What to hold at `now_ms`: today's and tomorrow's salts, and yesterday's for as long as a session of yesterday
    /// can go on. `random_salt` gives the salt of a day that has none; a salt once made is never made again.
    #[must_use]
    pub fn rotated(&self, now_ms: i64, mut random_salt: impl FnMut() -> [u8; 32]) -> Self {
        let today = day_of(now_ms);
        let mut days: Vec<_> = self.0.iter().copied().filter(|(day, _)| is_kept(*day, now_ms)).collect();
        for day in [today, today + 1] {
            if !days.iter().any(|(known, _)| *known == day) {
                days.push((day, random_salt()));
            }
        }
        Self(days)
    }

    /// The salt of the day that `now_ms` falls into.
    #[must_use]
    pub fn today(&self, now_ms: i64) -> Option<&[u8; 32]> {
        self.of(day_of(now_ms))
    }

    /// The salt of the day before, while sessions of that day may still be running.
    #[must_use]
    pub fn yesterday(&self, now_ms: i64) -> Option<&[u8; 32]> {
        let yesterday = day_of(now_ms) - 1;
        is_kept(yesterday, now_ms).then(|| self.of(yesterday)).flatten()
    }

    fn of(&self, day: Day) -> Option<&[u8; 32]> {
        self.0.iter().find(|(known, _)| *known == day).map(|(_, salt)| salt)
    }

    fn encode(&self) -> String {
        self.0.iter().map(|(day, salt)| [day.to_string(), hex(salt)].join(" ") + "\n").collect()
    }

    fn decode(text: &str) -> Self {
        let line = |line: &str| {
            let (day, salt) = line.split_once(' ')?;
            Some((day.parse().ok()?, unhex(salt)?))
        };
        Self(text.lines().filter_map(line).collect())
    }
}

/// Until half an hour after its end; and not from further ahead than tomorrow, should the clock have been wrong.
fn is_kept(day: Day, now_ms: i64) -> bool {
    (day_of(now_ms.saturating_sub(session::TIMEOUT_MS))..=day_of(now_ms) + 1).contains(&day)
}

fn hex(bytes: &[u8; 32]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        text
    })
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; 32];
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).ok()?;
    }
    Some(bytes)
}

/// The salts in force and their file. Debug prints no salt.
pub struct Salts {
    path: PathBuf,
    days: ArcSwap<Days>,
    /// Whether the file holds what is in memory; the lock makes rotations one at a time.
    written: Mutex<bool>,
}

impl std::fmt::Debug for Salts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Salts").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Salts {
    /// Reads the file at `path`, or makes it.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn open(path: &Path, now_ms: i64) -> io::Result<Self> {
        let days = match std::fs::read_to_string(path) {
            Ok(text) => Days::decode(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Days::default(),
            Err(error) => return Err(error),
        };
        let salts =
            Self { path: path.to_owned(), days: ArcSwap::from_pointee(days), written: Mutex::new(false) };
        salts.rotate(now_ms)?;
        Ok(salts)
    }

    /// Makes the salts of new days and destroys those of days that are over, in memory and on disk. Called every second.
    ///
    /// # Errors
    /// When the file could not be written: what is in memory is right, and the next call writes again.
    pub fn rotate(&self, now_ms: i64) -> io::Result<()> {
        self.rotated(now_ms).1
    }

    /// The salts in force at `now_ms`, and whether they are on disk.
    fn rotated(&self, now_ms: i64) -> (Arc<Days>, io::Result<()>) {
        let mut written = self.written.lock();
        let before = self.days.load_full();
        let after = Arc::new(before.rotated(now_ms, random_salt));
        if *after != *before {
            *written = false;
            self.days.store(Arc::clone(&after));
        }
        let mut saved = Ok(());
        if !*written {
            saved = file::replace(&self.path, after.encode().as_bytes(), 0o600);
            *written = saved.is_ok();
        }
        (after, saved)
    }

    /// The salts in force at `now_ms`; should the clock have leapt, they are rotated to it first.
    #[must_use]
    pub fn at(&self, now_ms: i64) -> Arc<Days> {
        let days = self.days.load_full();
        if days.today(now_ms).is_some() {
            return days;
        }
        // What was made for this time, whatever another thread whose clock has leapt puts in force meanwhile.
        let (days, saved) = self.rotated(now_ms);
        if let Err(error) = saved {
            tracing::warn!(path = %self.path.display(), %error, "the day's salt is not on disk");
        }
        days
    }
}

fn random_salt() -> [u8; 32] {
    let mut salt = [0; 32];
    getrandom::fill(&mut salt).expect("the system has randomness once it is up");
    salt
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MIDNIGHT: i64 = 20_000 * DAY_MS;

    #[test]
    fn yesterdays_salt_lives_half_an_hour_and_tomorrows_is_ready() {
        let mut next = 0;
        let mut random_salt = || {
            next += 1;
            [next; 32]
        };
        let evening = Days::default().rotated(MIDNIGHT - 1_000, &mut random_salt);
        assert_eq!(evening.today(MIDNIGHT - 1_000), Some(&[1; 32]));
        assert_eq!(evening.yesterday(MIDNIGHT - 1_000), None);
        let night = evening.rotated(MIDNIGHT + 1_000, &mut random_salt);
        assert_eq!((night.today(MIDNIGHT), night.yesterday(MIDNIGHT)), (Some(&[2; 32]), Some(&[1; 32])));
        let later = night.rotated(MIDNIGHT + session::TIMEOUT_MS, &mut random_salt);
        assert_eq!(later.yesterday(MIDNIGHT + session::TIMEOUT_MS), None);
        assert!(!later.0.iter().any(|(_, salt)| *salt == [1; 32]), "destroyed, not only hidden");
        assert_eq!(later.rotated(MIDNIGHT + session::TIMEOUT_MS, &mut random_salt), later);
    }

    #[test]
    fn salts_survive_a_restart_and_leave_the_disk_with_their_day() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let path = dir.path().join("salts");
        let first = Salts::open(&path, MIDNIGHT).expect("made");
        let again = Salts::open(&path, MIDNIGHT + 1).expect("read");
        assert_eq!(first.at(MIDNIGHT).today(MIDNIGHT), again.at(MIDNIGHT).today(MIDNIGHT));
        let gone = hex(again.at(MIDNIGHT).today(MIDNIGHT).expect("made"));
        again.rotate(MIDNIGHT + DAY_MS + session::TIMEOUT_MS).expect("written");
        assert!(!std::fs::read_to_string(&path).expect("there").contains(&gone));
    }

    #[test]
    fn a_damaged_file_costs_only_its_damaged_lines() {
        let good = format!("5 {}\n", "ab".repeat(32));
        assert_eq!(Days::decode(&format!("rubbish\n7 xyz\n{good}")).0, [(5, [0xab; 32])]);
    }

    proptest! {
        #[test]
        fn whatever_the_clock_says_there_is_a_salt_for_it_and_none_but_of_three_days(
            times in prop::collection::vec(prop_oneof![any::<i64>(), Just(i64::MAX), Just(i64::MIN), MIDNIGHT - DAY_MS..MIDNIGHT], 1..20),
        ) {
            let mut days = Days::decode(&format!("{} {}\n", i64::MAX, "ab".repeat(32)));
            for time in times {
                days = days.rotated(time, random_salt);
                prop_assert!(days.today(time).is_some());
                prop_assert!(days.yesterday(time).is_none() || days.yesterday(time) != days.today(time));
                prop_assert!(days.0.len() <= 3);
            }
        }
    }

    #[test]
    fn a_request_has_its_days_salt_while_another_thread_has_another_clock() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let salts = Salts::open(&dir.path().join("salts"), MIDNIGHT).expect("made");
        std::thread::scope(|scope| {
            let rotating = scope
                .spawn(|| (0..300).try_for_each(|turn| salts.rotate(MIDNIGHT + turn % 2 * 1_000 * DAY_MS)));
            while !rotating.is_finished() {
                assert!(salts.at(MIDNIGHT).today(MIDNIGHT).is_some());
            }
            rotating.join().expect("no panic").expect("written");
        });
    }
}
