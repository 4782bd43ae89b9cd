//! What goes into a statement and what comes out of a row, so that one text serves both databases: an id is a `uuid` to PostgreSQL and
//! text to SQLite, a moment is `timestamptz` and text, a flag `boolean` and 0 or 1. Knows no table.

use std::fmt;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::types::Json;
use sqlx::{Arguments as _, Row as _};
use uuid::Uuid;

use super::Error;
use super::timestamp::Timestamp;

/// One value of a statement.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Id(Option<Uuid>),
    Text(Option<String>),
    Flag(Option<bool>),
    Whole(Option<i64>),
    Number(Option<f64>),
    Timestamp(Timestamp),
    Json(serde_json::Value),
}

impl Value {
    pub(super) fn sqlite(values: &[Self]) -> sqlx::Result<SqliteArguments> {
        let mut arguments = SqliteArguments::default();
        for value in values {
            match value {
                Self::Id(id) => arguments.add(id.map(|id| id.to_string())),
                Self::Text(text) => arguments.add(text.clone()),
                Self::Flag(flag) => arguments.add(*flag),
                Self::Whole(number) => arguments.add(*number),
                Self::Number(number) => arguments.add(*number),
                Self::Timestamp(moment) => arguments.add(moment.text()),
                Self::Json(json) => arguments.add(json.to_string()),
            }
            .map_err(sqlx::Error::Encode)?;
        }
        Ok(arguments)
    }

    pub(super) fn postgresql(values: &[Self]) -> sqlx::Result<PgArguments> {
        let mut arguments = PgArguments::default();
        for value in values {
            match value {
                Self::Id(id) => arguments.add(*id),
                Self::Text(text) => arguments.add(text.clone()),
                Self::Flag(flag) => arguments.add(*flag),
                Self::Whole(number) => arguments.add(*number),
                Self::Number(number) => arguments.add(*number),
                Self::Timestamp(moment) => arguments.add(*moment),
                Self::Json(json) => arguments.add(Json(json)),
            }
            .map_err(sqlx::Error::Encode)?;
        }
        Ok(arguments)
    }
}

macro_rules! from {
    ($($kind:ty => $make:expr),* $(,)?) => {$(
        impl From<$kind> for Value {
            fn from(value: $kind) -> Self {
                let make: fn($kind) -> Self = $make;
                make(value)
            }
        }
    )*};
}

from! {
    Uuid => |id| Self::Id(Some(id)),
    Option<Uuid> => Self::Id,
    &str => |text| Self::Text(Some(text.to_owned())),
    &String => |text| Self::Text(Some(text.clone())),
    String => |text| Self::Text(Some(text)),
    Option<&str> => |text| Self::Text(text.map(str::to_owned)),
    Option<String> => Self::Text,
    bool => |flag| Self::Flag(Some(flag)),
    Option<bool> => Self::Flag,
    i64 => |number| Self::Whole(Some(number)),
    Option<i64> => Self::Whole,
    f64 => |number| Self::Number(Some(number)),
    Option<f64> => Self::Number,
    Timestamp => Self::Timestamp,
    serde_json::Value => Self::Json,
}

/// One row of an answer.
#[derive(Debug)]
pub(super) enum Row {
    Sqlite(SqliteRow),
    Postgresql(PgRow),
}

macro_rules! either {
    ($self:expr, $column:expr, $row:ident => $sqlite:expr, $postgresql:expr) => {
        match $self {
            Row::Sqlite($row) => $sqlite,
            Row::Postgresql($row) => $postgresql,
        }
        .map_err(|error| $self.malformed($column, &error))
    };
}

impl Row {
    pub(super) fn text(&self, column: &'static str) -> Result<String, Error> {
        either!(self, column, row => row.try_get(column), row.try_get(column))
    }

    pub(super) fn optional_text(&self, column: &'static str) -> Result<Option<String>, Error> {
        either!(self, column, row => row.try_get(column), row.try_get(column))
    }

    /// A word of a closed set.
    pub(super) fn word<T: FromStr>(&self, column: &'static str) -> Result<T, Error> {
        self.text(column)?.parse().map_err(|_| self.malformed(column, &"another word than there are"))
    }

    /// A UUID in text form.
    pub(super) fn id(&self, column: &'static str) -> Result<String, Error> {
        either!(self, column, row => row.try_get(column),
            row.try_get::<Uuid, _>(column).map(|id| id.to_string()))
    }

    pub(super) fn flag(&self, column: &'static str) -> Result<bool, Error> {
        either!(self, column, row => row.try_get(column), row.try_get(column))
    }

    pub(super) fn whole(&self, column: &'static str) -> Result<i64, Error> {
        either!(self, column, row => row.try_get(column),
            row.try_get::<i64, _>(column).or_else(|_| row.try_get::<i32, _>(column).map(i64::from)))
    }

    /// PostgreSQL's decimals are cast to `DOUBLE PRECISION` in the statement.
    pub(super) fn number(&self, column: &'static str) -> Result<Option<f64>, Error> {
        either!(self, column, row => row.try_get(column), row.try_get(column))
    }

    /// RFC 3339, UTC, milliseconds.
    pub(super) fn timestamp(&self, column: &'static str) -> Result<String, Error> {
        either!(self, column, row => row.try_get(column), row.try_get(column).map(Timestamp::text))
    }

    pub(super) fn optional_timestamp(&self, column: &'static str) -> Result<Option<String>, Error> {
        either!(self, column, row => row.try_get(column),
            row.try_get::<Option<Timestamp>, _>(column).map(|moment| moment.map(Timestamp::text)))
    }

    /// Read as what it is to be.
    pub(super) fn json<T: DeserializeOwned>(&self, column: &'static str) -> Result<T, Error> {
        let json = either!(self, column, row => row.try_get::<Json<T>, _>(column),
            row.try_get::<Json<T>, _>(column));
        json.map(|json| json.0)
    }

    /// Names the row by the first thing in it that a person would know it by.
    pub(super) fn malformed(&self, column: &'static str, reason: &impl fmt::Display) -> Error {
        let text = |name: &str| match self {
            Self::Sqlite(row) => row.try_get::<String, _>(name),
            Self::Postgresql(row) => row.try_get::<String, _>(name),
        };
        let known = ["tracking_id", "email", "name"].into_iter().find_map(|name| text(name).ok());
        let what = known.unwrap_or_else(|| "a row".to_owned());
        Error::Malformed { what, column, reason: reason.to_string() }
    }
}
