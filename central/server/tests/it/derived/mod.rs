//! Every row of every derived table equals what an oracle in plain Rust computes from the list of events, whatever the history and whoever
//! is killed in between.

mod again;
mod aggregates;
mod dimensions;
mod event;
mod goals;
mod history;
mod invariants;
mod oracle;
mod plans;
mod run;
mod system;
mod tables;

use std::time::Instant;

use futures_util::{StreamExt as _, stream};
use run::{Compared, Ending, Plan, Start};

/// So many stores run at once: each waits for its disk more than it computes.
const AT_ONCE: usize = 2;

/// Histories; `FOOTFALL_HISTORIES` asks for more.
fn histories() -> u64 {
    number("FOOTFALL_HISTORIES").unwrap_or(20)
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|number| number.parse().ok())
}

/// The plans of so many histories, several of which share a store: each way to begin, half of them with kills.
fn plans(histories: u64, seed: u64) -> Vec<Plan> {
    let runs = (histories / 10).max(4);
    let plan = |number| Plan {
        seed: seed.wrapping_add(number),
        histories: histories / runs + u64::from(number < histories % runs),
        start: [Start::Empty, Start::Past, Start::Behind][number as usize % 3],
        kills: number % 2 == 1,
        ending: [Ending::Late, Ending::Restored, Ending::Late, Ending::Changed][number as usize % 4],
    };
    (0..runs).map(plan).filter(|plan| plan.histories > 0).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_derived_row_equals_what_plain_rust_computes_from_the_events() {
    let seed = number("FOOTFALL_SEED").unwrap_or_else(|| fastrand::u64(..1 << 40));
    let only = number("FOOTFALL_RUN");
    let begun = Instant::now();
    let plans = plans(histories(), seed).into_iter().zip(0..);
    let runs =
        plans.filter(|(_, number)| only.is_none_or(|only| only == *number)).map(async |(plan, number)| {
            println!("FOOTFALL_SEED={seed} FOOTFALL_RUN={number}: {plan:?}");
            let compared = run::run(plan).await;
            println!("    run {number}: {compared:?} after {:?}", begun.elapsed());
            compared
        });
    let compared = stream::iter(runs)
        .buffer_unordered(AT_ONCE)
        .fold(Compared::default(), async |all, run| all.and(run))
        .await;
    println!("{} histories: {compared:?} in {:?}", histories(), begun.elapsed());
    assert!(
        only.is_some() || compared.has_all(),
        "histories without some of what has to be right prove nothing"
    );
}
