//! The steps of the schema, one file each, of the same names for both databases. Compiled in by name and not by sqlx's macro: that
//! one would have both databases' clients, and SQLite itself, compiled a second time for the compiler's own use.

use sqlx::SqlStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// Files of a folder below `migrations/`, with their names.
macro_rules! files {
    ($folder:literal) => {
        files!(
            $folder,
            "20261123090000_users_and_websites.sql",
            "20261123090100_policy_revision.sql",
            "20261123130000_website_permissions.sql",
            "20261123130100_goals_and_funnels.sql",
            "20261123130200_custom_dimensions_and_metrics.sql",
            "20261123130300_leases.sql",
        )
    };
    ($folder:literal, $($name:literal,)+) => {
        &[$(($name, include_str!(concat!("migrations/", $folder, "/", $name)))),+]
    };
}

/// A file's name and what is in it.
type File = (&'static str, &'static str);

const POSTGRESQL: &[File] = files!("postgresql");
const SQLITE: &[File] = files!("sqlite");

/// Brings a PostgreSQL database's schema up to date.
pub(super) fn postgresql() -> Migrator {
    migrator(POSTGRESQL)
}

/// Brings an SQLite file's schema up to date.
pub(super) fn sqlite() -> Migrator {
    migrator(SQLITE)
}

fn migrator(files: &[File]) -> Migrator {
    Migrator::with_migrations(files.iter().map(migration).collect())
}

/// What sqlx makes of a file: the number before the first `_` is the version, the rest says what it is for.
fn migration(&(name, sql): &File) -> Migration {
    let (version, description) =
        name.trim_end_matches(".sql").split_once('_').expect("a test holds the names to it");
    let version = version.parse().expect("a test holds the names to it");
    let description = description.replace('_', " ").into();
    Migration::new(version, description, MigrationType::Simple, SqlStr::from_static(sql), false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_a_step_and_every_step_a_file() {
        for (folder, files) in [("postgresql", POSTGRESQL), ("sqlite", SQLITE)] {
            let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/migrations").join(folder);
            let mut there: Vec<String> = std::fs::read_dir(path)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            there.sort();
            assert_eq!(there, files.iter().map(|(name, _)| *name).collect::<Vec<_>>(), "{folder}");
        }
    }

    #[test]
    fn a_step_is_told_by_its_number_its_words_and_its_text() {
        let steps: Vec<Migration> = sqlite().iter().cloned().collect();
        assert_eq!(steps.len(), SQLITE.len());
        assert_eq!((steps[0].version, &*steps[0].description), (20_261_123_090_000, "users and websites"));
        // What databases that are there keep of it: another checksum, and they are refused.
        let checksum: String =
            steps[0].checksum.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        assert_eq!(
            checksum,
            "ee557f4d633a566ffb2bcd4a9651a94ee88033c101efceb709b0fabe8f95ab6bf24bcd58f0821aac1d84a7a5b050911a"
        );
    }
}
