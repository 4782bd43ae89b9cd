//! `test`: every test from unit to browser, against freshly built servers, the real engine, real services and a real browser.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Mutex;

use anyhow::Context;
use clap::Args;

use super::build::{Built, build};
use super::cost::Cost;
use super::program::{self, Given, Outcome};
use super::scope::Scope;
use super::tally::Tally;
use super::{document, table};
use crate::doctor::{self, Adding, Need};
use crate::services::Held;
use crate::workspace::{self, Package};
use crate::{beacon, fetch, place};

/// What property tests draw their cases from: always the same ones, unless the environment names another seed. A defect that
/// one run in a thousand meets is to be found by whoever looks for it, and not by whoever changed something else.
const PROPERTIES_SEED: &str = "PROPTEST_RNG_SEED";

/// Run every test, from unit to browser.
#[derive(Args)]
pub(crate) struct Test {
    /// Only one package (`journal`), one story (`kills`), or the tests whose name contains this.
    filter: Option<String>,
    /// How many test programs run at once. Those that measure time or load the machine run alone whatever this says.
    #[arg(long, value_name = "N", default_value_t = 2)]
    jobs: usize,
    #[command(flatten)]
    adding: Adding,
    /// Passed on to the test programs, after `--`.
    #[arg(last = true)]
    arguments: Vec<String>,
}

impl Test {
    pub(crate) fn everything() -> Self {
        Self { filter: None, jobs: 2, adding: Adding::default(), arguments: vec![] }
    }

    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let packages = workspace::packages(place::root())?;
        let scope = Scope::of(place::root(), &packages, self.filter.as_deref());
        let needs_services = scope.needs_services(&packages);
        let mut needs = vec![Need::Test];
        needs.extend(needs_services.then_some(Need::Services));
        doctor::add(&needs, self.adding)?;
        let engine = fetch::engine()?;
        fetch::geo()?;
        let (built, build_cost) = Cost::of(|| build(&packages))?;
        let built = built?;
        let (beacon, beacon_cost) = Cost::of(|| beacon::build(place::root()))?;
        beacon?;
        let mut rows = vec![("build".to_owned(), build_cost), ("beacon".to_owned(), beacon_cost)];
        let services = if needs_services {
            let (services, cost) = Cost::of(|| Held::temporary(scope.needs_druid(&packages)))?;
            rows.push(("services' start".to_owned(), cost));
            Some(services?)
        } else {
            None
        };
        let environment = environment(&engine, services.as_ref().map(Held::report))?;
        let tested = self.test(&packages, &scope, &built, &environment, &mut rows);
        let Some(services) = services else { return tested };
        if tested.is_err() {
            eprintln!("the services' data and logs stay in {}", services.folder().display());
            return tested;
        }
        let folder = services.folder().to_owned();
        services.end()?;
        std::fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))
    }

    fn test(
        &self,
        packages: &[Package],
        scope: &Scope,
        built: &Built,
        environment: &[(&'static str, OsString)],
        rows: &mut Vec<(String, Cost)>,
    ) -> anyhow::Result<()> {
        let mut arguments: Vec<String> = scope.name().map(str::to_owned).into_iter().collect();
        arguments.extend(self.arguments.iter().cloned());
        let given = Given { arguments: &arguments, environment };
        let (outcomes, cost) = Cost::of(|| {
            program::run(scope.pick(&built.programs), &given, self.jobs, &Mutex::new(std::io::stdout()))
        })?;
        rows.push((format!("{} test programs", outcomes.len()), cost));
        let (documents, cost) = Cost::of(|| document::test(&scope.packages(packages), &given))?;
        let documents = documents?;
        rows.push(("examples in docs".to_owned(), cost));

        let mut tally = Tally::default();
        for counted in outcomes.iter().map(|outcome| &outcome.tally).chain([&documents]) {
            tally.add(counted);
        }
        println!("\n{}", table::of_programs(&outcomes));
        println!("{}\n{}", built.summary(), table::of(rows));
        println!("{tally}");
        let faults: Vec<String> = outcomes.iter().filter_map(Outcome::sentence).collect();
        anyhow::ensure!(faults.is_empty(), "{}", faults.join("; "));
        anyhow::ensure!(documents.failed == 0, "{} examples in docs failed", documents.failed);
        Ok(())
    }
}

/// What tests find their surroundings by.
pub(super) fn environment(
    engine: &Path,
    services: Option<std::path::PathBuf>,
) -> anyhow::Result<Vec<(&'static str, OsString)>> {
    let mut environment =
        vec![("FOOTFALL_LIBCHDB", engine.into()), ("FOOTFALL_BIN_DIR", place::binaries(false)?.into())];
    if std::env::var_os(PROPERTIES_SEED).is_none() {
        environment.push((PROPERTIES_SEED, "1".into()));
    }
    environment.extend(services.map(|report| ("FOOTFALL_SERVICES", report.into())));
    Ok(environment)
}
