//! What things cost, as tables for a person. Pure.

use super::cost::Cost;
use super::program::Outcome;

/// One line each, in this order.
pub(super) fn of(rows: &[(String, Cost)]) -> String {
    let lines: Vec<String> = rows.iter().map(|(name, cost)| format!("{name:<32} {cost}")).collect();
    lines.join("\n")
}

/// Test programs, the longest first.
pub(super) fn of_programs(outcomes: &[Outcome]) -> String {
    let mut outcomes: Vec<&Outcome> = outcomes.iter().collect();
    outcomes.sort_by_key(|outcome| std::cmp::Reverse(outcome.cost.wall));
    let lines = outcomes.iter().map(|outcome| {
        let name = format!("{} {}", outcome.package, outcome.name);
        let state = if outcome.fault.is_some() { "  FAILED" } else { "" };
        format!(
            "{name:<48} {:>6.1} s {:>6.1} CPU s {:>4} passed{state}",
            outcome.cost.wall.as_secs_f64(),
            outcome.cost.cpu.as_secs_f64(),
            outcome.tally.passed
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}
