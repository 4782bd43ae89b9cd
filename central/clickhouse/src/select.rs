//! A SELECT composed of typed parts: values, columns, rows of a table or of several selects, filters, groups, order, limit. All text in it
//! is this program's own; what comes from outside is a [`Value`] and becomes a parameter. Pure; sends nothing.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::statement::{Limits, Statement, Value};
use super::table::Table;

/// A SELECT that is still composed.
#[derive(Clone, Debug)]
pub struct Select {
    named: Vec<(&'static str, Named)>,
    rows: Rows,
    columns: Vec<(&'static str, &'static str)>,
    filters: Vec<Filter>,
    groups: Vec<&'static str>,
    having: Vec<&'static str>,
    order: Vec<(&'static str, Order)>,
    limit: Option<u16>,
}

/// What expressions can speak of by a name.
#[derive(Clone, Debug)]
enum Named {
    Value(Value),
    Expression(&'static str),
}

/// Where rows come from.
#[derive(Clone, Debug)]
enum Rows {
    /// All rows of a table.
    Table(&'static str),
    /// Of each key the newest row, unless it is deleted.
    Newest(&'static str),
    /// The rows of all of these, which have the same columns.
    All(Vec<Select>),
}

/// Which rows count.
#[derive(Clone, Debug)]
pub struct Filter {
    column: &'static str,
    condition: Condition,
}

#[derive(Clone, Debug)]
enum Condition {
    /// The column compares so with the value.
    Compare(&'static str, Value),
    /// The column lies in one of these: the first value counts, the second does not.
    Within(Vec<(Value, Value)>),
}

/// Which rows come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The smallest.
    Ascending,
    /// The largest.
    Descending,
}

/// The parameters that a text names so far.
type Parameters = Vec<(Cow<'static, str>, Value)>;

impl Select {
    /// Of all rows of a table.
    pub fn from(table: &Table) -> Self {
        Self::of(Rows::Table(table.name()))
    }

    /// Of a table whose rows replace each other: of each key the newest, unless it is deleted.
    pub fn from_newest(table: &Table) -> Self {
        Self::of(Rows::Newest(table.name()))
    }

    /// Of the rows of all these, at least one, which give the same columns in the same order.
    pub fn from_all(selects: Vec<Self>) -> Self {
        Self::of(Rows::All(selects))
    }

    fn of(rows: Rows) -> Self {
        Self {
            named: Vec::new(),
            rows,
            columns: Vec::new(),
            filters: Vec::new(),
            groups: Vec::new(),
            having: Vec::new(),
            order: Vec::new(),
            limit: None,
        }
    }

    /// Names a value, so that expressions can speak of it.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: Value) -> Self {
        self.named.push((name, Named::Value(value)));
        self
    }

    /// Names an expression over the columns and what was named before.
    #[must_use]
    pub fn with_expression(mut self, name: &'static str, expression: &'static str) -> Self {
        self.named.push((name, Named::Expression(expression)));
        self
    }

    /// Gives an expression, under a name.
    #[must_use]
    pub fn column(mut self, name: &'static str, expression: &'static str) -> Self {
        self.columns.push((name, expression));
        self
    }

    /// Counts only such rows.
    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filters.push(filter);
        self
    }

    /// Gives a row for each value of a column or expression.
    #[must_use]
    pub fn group_by(mut self, expression: &'static str) -> Self {
        self.groups.push(expression);
        self
    }

    /// Gives only such rows of groups.
    #[must_use]
    pub fn having(mut self, condition: &'static str) -> Self {
        self.having.push(condition);
        self
    }

    /// Sorts its rows, where those sorted before are equal.
    #[must_use]
    pub fn order_by(mut self, expression: &'static str, order: Order) -> Self {
        self.order.push((expression, order));
        self
    }

    /// Gives no more rows than this.
    #[must_use]
    pub fn limit(mut self, rows: u16) -> Self {
        self.limit = Some(rows);
        self
    }

    /// The statement, with a parameter for each value.
    pub fn statement(self, limits: Limits) -> Statement {
        let mut parameters = Parameters::new();
        let sql = self.compose(&mut parameters);
        Statement::composed(sql, limits, parameters)
    }

    fn compose(self, parameters: &mut Parameters) -> String {
        let mut sql = String::new();
        let named = self.named.into_iter().map(|(name, named)| match named {
            Named::Value(value) => format!("{} AS {name}", add(parameters, value)),
            Named::Expression(expression) => format!("{expression} AS {name}"),
        });
        list(&mut sql, "WITH ", named);
        if !sql.is_empty() {
            sql.push('\n');
        }
        sql.push_str("SELECT");
        let columns = self.columns.iter().map(|(name, expression)| format!("{expression} AS {name}"));
        list(&mut sql, " ", columns);
        match self.rows {
            Rows::Table(name) => {
                let _ = write!(sql, "\nFROM {name}");
            }
            Rows::Newest(name) => {
                let _ = write!(sql, "\nFROM {name} FINAL");
            }
            Rows::All(selects) => {
                let selects: Vec<_> = selects.into_iter().map(|select| select.compose(parameters)).collect();
                let _ = write!(sql, "\nFROM (\n{}\n)", selects.join("\nUNION ALL\n"));
            }
        }
        let filters: Vec<_> = self.filters.into_iter().map(|filter| filter.compose(parameters)).collect();
        if !filters.is_empty() {
            let _ = write!(sql, "\nWHERE {}", filters.join("\n    AND "));
        }
        list(&mut sql, "\nGROUP BY ", self.groups.iter().map(|group| (*group).to_owned()));
        if !self.having.is_empty() {
            let _ = write!(sql, "\nHAVING {}", self.having.join(" AND "));
        }
        let order = self.order.iter().map(|(expression, order)| match order {
            Order::Ascending => (*expression).to_owned(),
            Order::Descending => format!("{expression} DESC"),
        });
        list(&mut sql, "\nORDER BY ", order);
        if let Some(rows) = self.limit {
            let _ = write!(sql, "\nLIMIT {}", add(parameters, Value::Number(rows.into())));
        }
        sql
    }
}

/// A parameter more, as the text names it.
fn add(parameters: &mut Parameters, value: Value) -> String {
    let name = format!("p{}", parameters.len());
    let text = value.placeholder(&name);
    parameters.push((name.into(), value));
    text
}

/// A clause whose parts are separated by commas; nothing where there are none.
fn list(sql: &mut String, clause: &str, parts: impl Iterator<Item = String>) {
    let parts: Vec<_> = parts.collect();
    if !parts.is_empty() {
        sql.push_str(clause);
        sql.push_str(&parts.join(", "));
    }
}

impl Filter {
    fn compare(column: &'static str, comparison: &'static str, value: Value) -> Self {
        Self { column, condition: Condition::Compare(comparison, value) }
    }

    /// The column is the value.
    pub fn equal(column: &'static str, value: Value) -> Self {
        Self::compare(column, "=", value)
    }

    /// The column is not below the value.
    pub fn at_least(column: &'static str, value: Value) -> Self {
        Self::compare(column, ">=", value)
    }

    /// The column is not above the value.
    pub fn at_most(column: &'static str, value: Value) -> Self {
        Self::compare(column, "<=", value)
    }

    /// The column is below the value.
    pub fn below(column: &'static str, value: Value) -> Self {
        Self::compare(column, "<", value)
    }

    /// The column is above the value.
    pub fn above(column: &'static str, value: Value) -> Self {
        Self::compare(column, ">", value)
    }

    /// The column lies in one of these ranges, each from a value, inclusive, to another, exclusive. Without ranges no row does.
    pub fn within(column: &'static str, ranges: Vec<(Value, Value)>) -> Self {
        Self { column, condition: Condition::Within(ranges) }
    }

    fn compose(self, parameters: &mut Parameters) -> String {
        let column = self.column;
        match self.condition {
            Condition::Compare(comparison, value) => {
                format!("{column} {comparison} {}", add(parameters, value))
            }
            Condition::Within(ranges) if ranges.is_empty() => "0".to_owned(),
            Condition::Within(ranges) => {
                let ranges = ranges.into_iter().map(|(from, to)| {
                    let (from, to) = (add(parameters, from), add(parameters, to));
                    format!("{column} >= {from} AND {column} < {to}")
                });
                format!("({})", ranges.collect::<Vec<_>>().join(" OR "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: Limits = Limits { seconds: 1, memory_bytes: 1 };

    crate::table! {
        /// Of no database.
        static VISITS = "visits_local";
        /// One of them.
        struct Visit<'a> { page: &'a str, number: u64, }
    }

    #[test]
    fn parts_become_a_text_and_values_become_parameters() {
        let statement = Select::from(&VISITS)
            .column("name", "page")
            .column("visits", "count()")
            .filter(Filter::equal("page", "'; DROP TABLE visits_local --".into()))
            .filter(Filter::at_least("at", Value::Millis(5)))
            .filter(Filter::below("at", Value::Millis(6)))
            .filter(Filter::at_most("number", Value::Number(7)))
            .group_by("name")
            .order_by("visits", Order::Descending)
            .order_by("name", Order::Ascending)
            .limit(10)
            .statement(LIMITS);
        assert_eq!(
            statement.sql(),
            "SELECT page AS name, count() AS visits\n\
             FROM visits_local\n\
             WHERE page = {p0:String}\n    \
             AND at >= fromUnixTimestamp64Milli({p1:Int64}, 'UTC')\n    \
             AND at < fromUnixTimestamp64Milli({p2:Int64}, 'UTC')\n    \
             AND number <= {p3:UInt64}\n\
             GROUP BY name\n\
             ORDER BY visits DESC, name\n\
             LIMIT {p4:UInt64}"
        );
        let expected = [
            ("p0", "'; DROP TABLE visits_local --".into()),
            ("p1", Value::Millis(5)),
            ("p2", Value::Millis(6)),
            ("p3", Value::Number(7)),
            ("p4", Value::Number(10)),
        ];
        assert!(statement.parameters().eq(expected.iter().map(|(name, value)| (*name, value))));
        assert_eq!(statement.limits(), LIMITS);
    }

    #[test]
    fn parts_that_are_not_there_leave_no_words_behind() {
        let statement = Select::from(&VISITS).column("visits", "count()").statement(LIMITS);
        assert_eq!(statement.sql(), "SELECT count() AS visits\nFROM visits_local");
        assert_eq!(statement.parameters().count(), 0);
    }

    #[test]
    fn selects_become_one_and_their_parameters_are_counted_through() {
        let one = |number, select: Select| {
            select.column("name", "page").filter(Filter::equal("number", Value::Number(number))).filter(
                Filter::within(
                    "at",
                    vec![(Value::Second(1), Value::Second(2)), (Value::Second(3), Value::Second(4))],
                ),
            )
        };
        let rows = vec![one(7, Select::from(&VISITS)), one(8, Select::from_newest(&VISITS))];
        let statement = Select::from_all(rows)
            .with("edges", Value::List(vec![Value::Second(5), Value::Second(6)]))
            .column("bucket", "arrayCount(edge -> edge <= at, edges)")
            .group_by("bucket")
            .statement(LIMITS);
        assert_eq!(
            statement.sql(),
            "WITH {p0:Array(UInt32)} AS edges\n\
             SELECT arrayCount(edge -> edge <= at, edges) AS bucket\n\
             FROM (\n\
             SELECT page AS name\n\
             FROM visits_local\n\
             WHERE number = {p1:UInt64}\n    \
             AND (at >= toDateTime({p2:UInt32}, 'UTC') AND at < toDateTime({p3:UInt32}, 'UTC') OR \
             at >= toDateTime({p4:UInt32}, 'UTC') AND at < toDateTime({p5:UInt32}, 'UTC'))\n\
             UNION ALL\n\
             SELECT page AS name\n\
             FROM visits_local FINAL\n\
             WHERE number = {p6:UInt64}\n    \
             AND (at >= toDateTime({p7:UInt32}, 'UTC') AND at < toDateTime({p8:UInt32}, 'UTC') OR \
             at >= toDateTime({p9:UInt32}, 'UTC') AND at < toDateTime({p10:UInt32}, 'UTC'))\n\
             )\n\
             GROUP BY bucket"
        );
        assert_eq!(statement.parameters().nth(6), Some(("p6", &Value::Number(8))));
        assert_eq!(statement.parameters().count(), 11);
        let none = Select::from(&VISITS).column("n", "count()").filter(Filter::within("at", Vec::new()));
        assert_eq!(none.statement(LIMITS).sql(), "SELECT count() AS n\nFROM visits_local\nWHERE 0");
    }

    proptest! {
        #[test]
        fn no_value_changes_the_text(text in ".{0,60}", number in any::<u64>(), at in any::<i64>()) {
            let ask = |text: &str, number, at| {
                Select::from(&VISITS)
                    .column("visits", "count()")
                    .filter(Filter::equal("page", text.into()))
                    .filter(Filter::equal("number", Value::Number(number)))
                    .filter(Filter::below("at", Value::Millis(at)))
                    .statement(LIMITS)
            };
            let (statement, plain) = (ask(&text, number, at), ask("", 0, 0));
            prop_assert_eq!(statement.sql(), plain.sql());
        }
    }
}
