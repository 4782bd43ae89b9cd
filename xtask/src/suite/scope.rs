//! What of the workspace a filter means: a package, a story, or a part of tests' names. Pure.

use std::path::Path;

use super::build::Program;
use crate::workspace::Package;

/// The package of the stories.
pub(super) const STORIES: &str = "footfall-tests";

/// What to test.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Everything,
    /// By the package's name.
    Package(String),
    /// One integration test of `footfall-tests`.
    Story(String),
    /// Tests of any package whose names contain this.
    Named(String),
}

impl Scope {
    /// A package is named by its folder (`central/log`) or its name, a story by its file.
    pub(super) fn of(root: &Path, packages: &[Package], filter: Option<&str>) -> Self {
        let Some(filter) = filter else { return Self::Everything };
        if let Some(package) = packages.iter().find(|package| package.is_called(root, filter)) {
            return Self::Package(package.name.clone());
        }
        let mut stories =
            packages.iter().filter(|package| package.name == STORIES).flat_map(|package| &package.tests);
        if stories.any(|story| story == filter) {
            return Self::Story(filter.to_owned());
        }
        Self::Named(filter.to_owned())
    }

    /// Whether any of it talks to Kafka, PostgreSQL and the others. A part of a test's name may mean any.
    pub(super) fn needs_services(&self, packages: &[Package]) -> bool {
        packages.iter().filter(|package| self.holds(package)).any(|package| match self {
            Self::Story(story) => package.needs.services_for(story),
            _ => package.needs.services(),
        })
    }

    /// Whether any of it talks to Druid. A part of a test's name means that where it says so.
    pub(super) fn needs_druid(&self, packages: &[Package]) -> bool {
        packages.iter().filter(|package| self.holds(package)).any(|package| match self {
            Self::Named(name) => name.contains("druid"),
            Self::Story(story) => package.needs.druid_for(story),
            Self::Everything | Self::Package(_) => package.needs.druid(),
        })
    }

    /// The part of tests' names that is meant, if that is what is meant.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::Named(name) => Some(name),
            _ => None,
        }
    }

    /// The programs that belong to it. Those that talk to the servers come first, and integration tests before unit tests: they
    /// take longer, and what takes long must not begin last.
    pub(super) fn pick(&self, built: &[Program]) -> Vec<Program> {
        let holds = |program: &&Program| match self {
            Self::Everything | Self::Named(_) => true,
            Self::Package(package) => program.package == *package,
            Self::Story(story) => program.package == STORIES && program.name == *story && !program.unit,
        };
        let mut programs: Vec<Program> = built.iter().filter(holds).cloned().collect();
        programs.sort_by_key(|program| (program.unit, !program.services));
        programs
    }

    /// The packages that it touches.
    pub(super) fn packages<'a>(&self, packages: &'a [Package]) -> Vec<&'a Package> {
        packages.iter().filter(|package| self.holds(package)).collect()
    }

    fn holds(&self, package: &Package) -> bool {
        match self {
            Self::Everything | Self::Named(_) => true,
            Self::Package(name) => package.name == *name,
            Self::Story(_) => package.name == STORIES,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packages() -> Vec<Package> {
        let package = |name: &str, folder: &str, tests: &[&str], needs: &str| Package {
            name: name.to_owned(),
            uses: vec![],
            folder: Path::new("/x").join(folder),
            tests: tests.iter().map(|test| (*test).to_owned()).collect(),
            needs: serde_json::from_str(needs).unwrap(),
        };
        vec![
            package("footfall-journal", "journal", &["kill"], "{}"),
            package("footfall-log", "central/log", &["it"], r#"{"services": true}"#),
            package(STORIES, "tests", &["kills", "tiers"], r#"{"services": ["tiers"]}"#),
        ]
    }

    #[test]
    fn a_filter_is_a_package_a_story_or_a_name() {
        let of = |filter| Scope::of(Path::new("/x"), &packages(), filter);
        assert_eq!(of(None), Scope::Everything);
        assert_eq!(of(Some("journal")), Scope::Package("footfall-journal".to_owned()));
        assert_eq!(of(Some("central/log")), Scope::Package("footfall-log".to_owned()));
        assert_eq!(of(Some("footfall-log")), Scope::Package("footfall-log".to_owned()));
        assert_eq!(of(Some("kills")), Scope::Story("kills".to_owned()));
        assert_eq!(of(Some("torn_tail")), Scope::Named("torn_tail".to_owned()));
    }

    #[test]
    fn servers_are_started_only_for_tests_that_talk_to_them() {
        let needs = |filter| Scope::of(Path::new("/x"), &packages(), filter).needs_services(&packages());
        assert!(
            needs(None) && needs(Some("central/log")) && needs(Some("tiers")) && needs(Some("torn_tail"))
        );
        assert!(!needs(Some("journal")) && !needs(Some("kills")));
    }

    #[test]
    fn what_takes_long_begins_first() {
        let program = |name: &str, unit, services| Program {
            package: "p".to_owned(),
            name: name.to_owned(),
            unit,
            path: "x".into(),
            folder: "x".into(),
            services,
            alone: false,
        };
        let programs = vec![program("a", true, false), program("b", false, false), program("c", false, true)];
        let names: Vec<String> =
            Scope::Everything.pick(&programs).into_iter().map(|program| program.name).collect();
        assert_eq!(names, ["c", "b", "a"]);
    }
}
