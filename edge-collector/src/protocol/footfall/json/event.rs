//! One event made of a document's fields. A value that its column cannot hold costs the event. Pure.

use std::borrow::Cow;

use bytes::Bytes;
use footfall_proto::relay::DropReason;
use uuid::Uuid;

use super::column::{Place, Takes};
use super::document::{Fields, PlaceOf};
use super::draft::Draft;
use super::timestamp;
use super::value::Value;
use crate::protocol::{number, page_address};
use crate::submission::SubmittedEvent;

/// What was sent, from the fields of an object, if it was one. An event of another site than its batch's is invalid.
pub(super) fn sent(fields: Option<&Fields<'_>>, tracking_id: &str) -> SubmittedEvent {
    let mut draft = Draft::default();
    let read = fields.and_then(|fields| draft.take_all(fields));
    if read.is_none() || !(draft.tracking_id.is_empty() || draft.tracking_id == tracking_id) {
        return SubmittedEvent::refused(DropReason::Invalid);
    }
    SubmittedEvent {
        user_id: draft.user_id,
        session_id: draft.session_id,
        ..SubmittedEvent::made(draft.event)
    }
}

impl Draft {
    fn take_all(&mut self, fields: &Fields<'_>) -> Option<()> {
        fields.iter().try_for_each(|(place, value)| self.take(place, value))
    }

    /// Takes one field; `None` when its value is of no use. `null` is as good as absent, and so is a blank text where the column
    /// holds none.
    fn take(&mut self, place: Place, value: Value<'_>) -> Option<()> {
        if value == Value::Null {
            return Some(());
        }
        match place {
            Place::Column(index) => self.take_column(Place::takes(index), value),
            Place::Dimension(slot) => {
                self.event.custom_dimensions.insert(slot, value.text()?.into_owned());
                Some(())
            }
            Place::Metric(_) if value.is_blank() => Some(()),
            Place::Metric(slot) => {
                self.event.custom_metrics.insert(slot, value.number()?);
                Some(())
            }
            Place::Nowhere => None,
        }
    }

    fn take_column(&mut self, takes: &Takes, value: Value<'_>) -> Option<()> {
        match takes {
            Takes::Text(place) => *place(self) = value.text()?.into_owned(),
            Takes::OptionalText(place) => *place(self) = Some(value.text()?.into_owned()),
            Takes::Address(place) => page_address(&value.text()?).clone_into(place(self)),
            _ if value.is_blank() => {}
            Takes::Name(place) => *place(self) = name(value)?.into_owned(),
            Takes::Number(place) => *place(self) = Some(value.number()?),
            Takes::Measure(place) => *place(self) = number::measured(value.number()?)?,
            Takes::Count(place) => *place(self) = Some(number::counted(value.number()?)?),
            Takes::Uuid(place) => *place(self) = uuid(&value)?,
            Takes::Time(place) => *place(self) = timestamp::read(&value)?,
            Takes::Dimensions => self.take_slots(&value, |slot| Some(Place::dimension(slot)))?,
            Takes::Metrics => self.take_slots(&value, |slot| Some(Place::metric(slot)))?,
        }
        Some(())
    }

    fn take_slots(&mut self, value: &Value<'_>, place_of: PlaceOf) -> Option<()> {
        match value {
            Value::Object(text) => self.take_all(&Fields::read(text, place_of)?),
            _ => value.is_empty_list().then_some(()),
        }
    }
}

fn name(value: Value<'_>) -> Option<Cow<'_, str>> {
    match value {
        Value::Truth(_) => Some(Cow::Borrowed("")),
        value => value.text(),
    }
}

/// With hyphens or without, in braces, as a URN, in capitals.
fn uuid(value: &Value<'_>) -> Option<Bytes> {
    let Value::Text(text) = value else { return None };
    Uuid::try_parse(text.trim()).ok().map(|id| Bytes::copy_from_slice(id.as_bytes()))
}
