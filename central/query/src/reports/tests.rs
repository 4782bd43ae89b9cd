//! What holds for the statement of every report.

use footfall_clickhouse::Value;
use footfall_tables::events::EVENTS;

use super::*;
use crate::freshness::Freshness;
use crate::plan::Source;
use crate::spans::{DAY_MS, HOUR_MS};

const PERIOD: Span = (DAY_MS, 3 * DAY_MS + HOUR_MS + 5);
const STARTS: &[i64] = &[DAY_MS, 2 * DAY_MS];

fn scope() -> Scope {
    Scope { website_id: "site'; --".to_owned(), bots: false }
}

/// A piece of each kind.
fn mixed() -> Plan {
    Plan::new(PERIOD, &[], &Freshness { whole_to: 10 * DAY_MS, ..Freshness::default() })
}

/// Of visits.
fn mixed_visits() -> Plan {
    let whole = Freshness { whole_to: 10 * DAY_MS, ..Freshness::default() };
    let plan = Plan::of_visits((PERIOD.0 + 5, PERIOD.1), &[], &whole);
    let sources: Vec<_> = plan.pieces().iter().map(|piece| piece.source).collect();
    assert_eq!(sources, [Source::Sessions, Source::Hours, Source::Sessions]);
    plan
}

fn all<'a>(plan: &'a Plan, visits: &'a Plan) -> Vec<Report<'a>> {
    let lists = Dimension::ALL.into_iter().map(|dimension| Report::TopList(plan, dimension, 7));
    let sessions = [
        Report::Visits(visits),
        Report::SessionPages(PERIOD, End::Entry, 7),
        Report::SessionPages(PERIOD, End::Exit, 7),
        Report::Goals(PERIOD),
        Report::VisitsSeries(visits, STARTS),
    ];
    [Report::Totals(plan), Report::Series(plan, STARTS)].into_iter().chain(lists).chain(sessions).collect()
}

/// What stands in braces in a statement's text, without its type.
fn named(statement: &Statement) -> Vec<&str> {
    let opened = statement.sql().split('{').skip(1);
    opened.map(|rest| rest.split_once(':').expect("{name:Type}").0).collect()
}

/// The selects of tables that a statement is made of: each of them and its conditions.
fn parts(statement: &Statement) -> Vec<(&str, &str)> {
    let of_tables = statement.sql().split("\nFROM ").skip(1).filter(|part| !part.starts_with('('));
    of_tables
        .map(|part| {
            let (table, rest) = part.split_once("\nWHERE ").expect("conditions");
            (table, rest.split("\nGROUP BY").next().expect("a part").split("\nUNION").next().expect("a part"))
        })
        .collect()
}

#[test]
fn every_report_names_exactly_its_parameters_and_counts_rows_of_the_question_only() {
    let (plan, visits) = (mixed(), mixed_visits());
    let (raw, sessions) = (Plan::raw(PERIOD), Plan::sessions(PERIOD));
    for report in all(&plan, &visits).into_iter().chain(all(&raw, &sessions)) {
        let statement = report.statement(&scope());
        let parameters: Vec<_> = statement.parameters().collect();
        let mut names: Vec<_> = parameters.iter().map(|(name, _)| *name).collect();
        let mut wanted = named(&statement);
        names.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(wanted, names, "{report:?}");
        let value = |text: &str| {
            let (_, rest) = text.split_once('{').expect("a parameter");
            let name = rest.split_once(':').expect("{name:Type}").0;
            parameters.iter().find(|(found, _)| *found == name).expect("it is there").1
        };
        let parts = parts(&statement);
        assert!(!parts.is_empty());
        for (table, conditions) in parts {
            let conditions: Vec<_> = conditions.split("\n    AND ").collect();
            let condition = |start: &str| {
                let found = conditions.iter().find(|condition| condition.starts_with(start));
                value(found.unwrap_or_else(|| panic!("{report:?} of {table} lacks {start}: {conditions:?}")))
            };
            assert_eq!(condition("website_id = "), &"site'; --".into());
            assert_eq!(condition("is_bot <= "), &Value::Number(0));
            if table == "events_local" {
                assert_eq!(condition("is_duplicate = "), &Value::Number(0));
            } else {
                assert!(table.ends_with("_local FINAL"), "{table}");
            }
            let times =
                ["(server_timestamp >= ", "(hour >= ", "(date >= ", "(start >= ", "(session_start >= "];
            assert!(
                times.iter().any(|time| conditions.iter().any(|found| found.starts_with(time))),
                "{conditions:?}"
            );
        }
    }
}

#[test]
fn a_plans_pieces_are_the_ranges_of_its_statement() {
    let plan = mixed();
    let statement = Report::Totals(&plan).statement(&scope());
    let ranges: Vec<_> = statement.parameters().map(|(_, value)| value.clone()).collect();
    let at = |value: Value| ranges.iter().position(|found| *found == value);
    assert!(at(Value::Day(1)).is_some() && at(Value::Day(3)).is_some());
    let (hour, next) = (3 * 86_400, 3 * 86_400 + 3600);
    assert!(at(Value::Second(hour)).is_some() && at(Value::Second(next)).is_some());
    assert!(at(Value::Millis(PERIOD.1 - 5)).is_some() && at(Value::Millis(PERIOD.1)).is_some());
    let tables: Vec<_> = parts(&statement).into_iter().map(|(table, _)| table).collect();
    assert_eq!(tables, ["daily_summary_local FINAL", "hourly_summary_local FINAL", "events_local"]);
}

#[test]
fn hundreds_of_spans_are_a_list_of_hours() {
    let starts: Vec<i64> = (0..400).map(|number| number * DAY_MS + DAY_MS / 2 + HOUR_MS / 2).collect();
    let period = (starts[0] + 5, 400 * DAY_MS);
    let plan = Plan::new(period, &starts, &Freshness { whole_to: 500 * DAY_MS, ..Freshness::default() });
    assert!(plan.pieces().len() > 700);
    let statement = Report::Series(&plan, &starts).statement(&scope());
    assert!(statement.parameters().count() < 20, "{}", statement.sql());
    let cut = starts.iter().map(|start| parts::second(start - HOUR_MS / 2)).collect();
    let listed: Vec<_> = statement.parameters().map(|(_, value)| value.clone()).collect();
    assert!(listed.contains(&Value::List(cut)), "the hours that are cut");
    assert!(listed.contains(&Value::Millis(period.0)), "of the first one what the period has of it");
    let (rows, events) = statement.sql().split_once("UNION ALL").expect("two parts");
    assert!(rows.contains("AND toUnixTimestamp(hour) IN {"), "{rows}");
    assert!(events.contains("AND toUnixTimestamp(toStartOfHour(server_timestamp)) IN {"), "{events}");
}

#[test]
fn bots_are_counted_where_they_are_asked_for() {
    let asked = |bots| {
        let statement = Report::Goals(PERIOD).statement(&Scope { bots, ..scope() });
        statement.parameters().filter(|(_, value)| **value == Value::Number(1)).count()
    };
    assert_eq!((asked(false), asked(true)), (0, 1));
}

#[test]
fn dimensions_are_columns_of_the_events_and_names_that_the_rollups_have() {
    let rollups = include_str!("../../../derive/src/sql/page_view_rollups.sql");
    for dimension in Dimension::ALL {
        assert!(EVENTS.columns().iter().any(|column| column.name == dimension.column()), "{dimension:?}");
        let pair = format!("('{}', ", dimension.rollup());
        let column = rollups.split(&pair).nth(1).expect("the rollups have it");
        let column = column.trim_start_matches("toString(");
        assert!(column.starts_with(dimension.column()), "{dimension:?}");
    }
}

#[test]
fn a_second_that_a_column_holds_is_told_from_the_instants_within_it() {
    assert_eq!(parts::second(5000), Value::Second(5));
    assert_eq!(parts::second(5001), Value::Second(6), "a row of second 5 is before it");
    assert_eq!(parts::second(-5), Value::Second(0));
    assert_eq!(parts::second(i64::MAX / 2), Value::Second(u32::MAX));
}
