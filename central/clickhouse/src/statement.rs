//! A question as data: its text, what it may use, and its values, which travel as parameters beside the text and never inside it. The text
//! is a file of SQL, or composed of typed parts: columns, table, filters, groups, order, limit. Pure; sends nothing.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde::ser::{Serialize, SerializeTuple as _, Serializer};

use super::table::Table;

/// What a statement may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Seconds that it may run.
    pub seconds: u32,
    /// Bytes of memory that it may use.
    pub memory_bytes: u64,
}

/// A value of a statement.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A text.
    Text(String),
    /// A number.
    Number(u64),
    /// An instant, milliseconds since 1970.
    Millis(i64),
    /// A number that need not be whole.
    Float(f64),
    /// Values of one type.
    List(Vec<Self>),
    /// Values that belong together, each of its own type.
    Tuple(Vec<Self>),
}

/// A text of SQL with its values.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    sql: Cow<'static, str>,
    limits: Limits,
    parameters: Vec<(Cow<'static, str>, Value)>,
}

/// A SELECT that is still composed. All text in it is this program's own; what comes from outside is a [`Value`].
#[derive(Clone, Debug)]
pub struct Select {
    table: &'static str,
    columns: Vec<(&'static str, &'static str)>,
    filters: Vec<Filter>,
    groups: Vec<&'static str>,
    order: Vec<(&'static str, Order)>,
    limit: Option<u16>,
}

/// Which rows count: those whose column compares so with a value.
#[derive(Clone, Debug)]
pub struct Filter {
    column: &'static str,
    comparison: &'static str,
    value: Value,
}

/// Which rows come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The smallest.
    Ascending,
    /// The largest.
    Descending,
}

impl Statement {
    /// `sql` names its values as ClickHouse does: `{name:Type}`.
    pub fn new(sql: &'static str, limits: Limits) -> Self {
        Self { sql: sql.into(), limits, parameters: Vec::new() }
    }

    /// With a value.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: Value) -> Self {
        self.parameters.push((name.into(), value));
        self
    }

    /// Its text.
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// What it may use.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// The values that its text names.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.parameters.iter().map(|(name, value)| (name.as_ref(), value))
    }
}

impl Select {
    /// Of all rows of a table.
    pub fn from(table: &Table) -> Self {
        Self {
            table: table.name(),
            columns: Vec::new(),
            filters: Vec::new(),
            groups: Vec::new(),
            order: Vec::new(),
            limit: None,
        }
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
        let mut sql = "SELECT".to_owned();
        let mut parameters = Vec::new();
        let mut parameter = |value: Value| {
            let name = format!("p{}", parameters.len());
            let text = value.placeholder(&name);
            parameters.push((name.into(), value));
            text
        };
        let columns = self.columns.iter().map(|(name, expression)| format!("{expression} AS {name}"));
        list(&mut sql, " ", columns);
        let _ = write!(sql, "\nFROM {}", self.table);
        let filters = self.filters.into_iter().map(|Filter { column, comparison, value }| {
            format!("{column} {comparison} {}", parameter(value))
        });
        let filters: Vec<_> = filters.collect();
        if !filters.is_empty() {
            let _ = write!(sql, "\nWHERE {}", filters.join("\n    AND "));
        }
        list(&mut sql, "\nGROUP BY ", self.groups.iter().map(|group| (*group).to_owned()));
        let order = self.order.iter().map(|(expression, order)| match order {
            Order::Ascending => (*expression).to_owned(),
            Order::Descending => format!("{expression} DESC"),
        });
        list(&mut sql, "\nORDER BY ", order);
        if let Some(rows) = self.limit {
            let _ = write!(sql, "\nLIMIT {}", parameter(Value::Number(rows.into())));
        }
        Statement { sql: sql.into(), limits, parameters }
    }
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
    /// The column is the value.
    pub fn equal(column: &'static str, value: Value) -> Self {
        Self { column, comparison: "=", value }
    }

    /// The column is not below the value.
    pub fn at_least(column: &'static str, value: Value) -> Self {
        Self { column, comparison: ">=", value }
    }

    /// The column is not above the value.
    pub fn at_most(column: &'static str, value: Value) -> Self {
        Self { column, comparison: "<=", value }
    }

    /// The column is below the value.
    pub fn below(column: &'static str, value: Value) -> Self {
        Self { column, comparison: "<", value }
    }
}

impl Value {
    /// How a text of SQL names a parameter that has it.
    fn placeholder(&self, name: &str) -> String {
        match self {
            Self::Text(_) => format!("{{{name}:String}}"),
            Self::Number(_) => format!("{{{name}:UInt64}}"),
            Self::Millis(_) => format!("fromUnixTimestamp64Milli({{{name}:Int64}}, 'UTC')"),
            Self::Float(_) => format!("{{{name}:Float64}}"),
            Self::List(_) | Self::Tuple(_) => unreachable!("a column is compared with one value"),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Number(number) => serializer.serialize_u64(*number),
            Self::Millis(instant) => serializer.serialize_i64(*instant),
            Self::Float(number) => serializer.serialize_f64(*number),
            Self::List(values) => serializer.collect_seq(values),
            Self::Tuple(values) => {
                let mut tuple = serializer.serialize_tuple(values.len())?;
                values.iter().try_for_each(|value| tuple.serialize_element(value))?;
                tuple.end()
            }
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
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
