//! Moments as the two databases keep them and as they leave this room: RFC 3339, UTC, milliseconds.

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgTypeInfo, PgValueRef, Postgres};
use sqlx::{Decode, Encode, Type, TypeInfo as _};
use time::format_description::BorrowedFormatItem;
use time::macros::{datetime, format_description};
use time::{Duration, OffsetDateTime, UtcOffset};

const FORMAT: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// The number of the type in every PostgreSQL (`pg_type`).
const TIMESTAMPTZ: Oid = Oid(1184);
/// Where PostgreSQL's `timestamptz` counts its microseconds from (its manual, section 8.5).
const EPOCH: OffsetDateTime = datetime!(2000-01-01 00:00 UTC);

/// A moment; what is below a millisecond is not printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timestamp(OffsetDateTime);

impl Timestamp {
    pub(super) fn now() -> Self {
        Self(OffsetDateTime::now_utc())
    }

    pub(super) fn text(self) -> String {
        self.0.to_offset(UtcOffset::UTC).format(FORMAT).expect("every part of the format is there")
    }
}

impl From<OffsetDateTime> for Timestamp {
    fn from(moment: OffsetDateTime) -> Self {
        Self(moment)
    }
}

// The `time` feature of sqlx would do the same, and have half of the workspace built in another way.

impl Type<Postgres> for Timestamp {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(TIMESTAMPTZ)
    }

    fn compatible(kind: &PgTypeInfo) -> bool {
        kind.name().eq_ignore_ascii_case("timestamptz")
    }
}

impl Encode<'_, Postgres> for Timestamp {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let since = i64::try_from((self.0 - EPOCH).whole_microseconds())?;
        Encode::<Postgres>::encode(since, buffer)
    }
}

impl Decode<'_, Postgres> for Timestamp {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        let since = <i64 as Decode<Postgres>>::decode(value)?;
        let moment = EPOCH.checked_add(Duration::microseconds(since)).ok_or("beyond the calendar")?;
        Ok(Self(moment))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_are_written_and_sort_as_text() {
        let early = Timestamp(datetime!(2026-11-23 09:00:00.007_9 UTC));
        let late = Timestamp(datetime!(2026-11-23 11:00:00.5 +01:00));
        assert_eq!(early.text(), "2026-11-23T09:00:00.007Z");
        assert!(early.text() < late.text() && late.text() == "2026-11-23T10:00:00.500Z");
    }
}
