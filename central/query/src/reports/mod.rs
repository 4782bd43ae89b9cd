//! The reports, a file for each: which statement answers it, with its parameters and limits. Pure; sends nothing.
//!
//! To add a report, copy `top_list.rs`, name it in [`Report`], and ask it in [`Reports`](super::Reports).

mod top_list;
mod totals;

use footfall_clickhouse::{Filter, Limits, Select, Statement, Value};
use footfall_tables::events::EVENTS;

use super::Question;
pub(super) use top_list::Dimension;

/// What a report may use.
const LIMITS: Limits = Limits { seconds: 10, memory_bytes: 1 << 30 };

/// The reports there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Report {
    /// The figures of the period.
    Totals,
    /// The values of a dimension with the most page views.
    TopList(Dimension),
}

impl Report {
    /// The statement that answers it.
    pub(super) fn statement(self, question: &Question) -> Statement {
        match self {
            Self::Totals => totals::select(question),
            Self::TopList(dimension) => top_list::select(dimension, question),
        }
        .statement(LIMITS)
    }
}

/// The events that a question is about: those of the site in the period, without duplicates, and without bots unless asked for.
fn events(question: &Question) -> Select {
    Select::from(&EVENTS)
        .filter(Filter::equal("website_id", question.website_id.as_str().into()))
        .filter(Filter::at_least("server_timestamp", Value::Millis(question.period.from_ms())))
        .filter(Filter::below("server_timestamp", Value::Millis(question.period.to_ms())))
        .filter(Filter::equal("is_duplicate", Value::Number(0)))
        .filter(Filter::at_most("is_bot", Value::Number(question.bots.into())))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::Period;

    /// What stands in braces in a statement's text, without its type.
    fn named(statement: &Statement) -> Vec<&str> {
        let opened = statement.sql().split('{').skip(1);
        opened.map(|rest| rest.split_once(':').expect("{name:Type}").0).collect()
    }

    pub(super) fn question() -> Question {
        let now = time::macros::datetime!(2026-11-23 12:00 UTC);
        let period = Period::parse(Some("1970-01-02"), Some("1970-01-02"), now).unwrap();
        Question { website_id: "site'; --".to_owned(), period, limit: 7, bots: false }
    }

    #[test]
    fn every_report_names_exactly_its_parameters_and_counts_the_events_of_the_question_only() {
        let reports = Dimension::ALL.map(Report::TopList).into_iter().chain([Report::Totals]);
        for report in reports {
            let statement = report.statement(&question());
            let parameters: Vec<_> = statement.parameters().collect();
            let names: Vec<_> = parameters.iter().map(|(name, _)| *name).collect();
            assert_eq!(named(&statement), names, "{report:?}");
            let (_, filters) = statement.sql().split_once("\nWHERE ").expect("filters");
            let filters: Vec<_> =
                filters.split_once("\nGROUP BY").unwrap_or((filters, "")).0.split("\n    AND ").collect();
            for (filter, value) in [
                ("website_id = {p0:String}", "site'; --".into()),
                (
                    "server_timestamp >= fromUnixTimestamp64Milli({p1:Int64}, 'UTC')",
                    Value::Millis(86_400_000),
                ),
                (
                    "server_timestamp < fromUnixTimestamp64Milli({p2:Int64}, 'UTC')",
                    Value::Millis(172_800_000),
                ),
                ("is_duplicate = {p3:UInt64}", Value::Number(0)),
                ("is_bot <= {p4:UInt64}", Value::Number(0)),
            ] {
                let at = filters.iter().position(|found| *found == filter);
                let at = at.unwrap_or_else(|| panic!("{report:?} lacks {filter}: {filters:?}"));
                assert_eq!(parameters[at].1, &value, "{report:?}: {filter}");
            }
        }
    }

    #[test]
    fn bots_are_counted_where_they_are_asked_for() {
        let statement = Report::Totals.statement(&Question { bots: true, ..question() });
        assert_eq!(statement.parameters().nth(4), Some(("p4", &Value::Number(1))));
    }
}
