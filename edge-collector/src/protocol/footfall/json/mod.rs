//! The documented JSON: keys are the tables' column names, and each event becomes an encoded `beacon.Event`. Pure.

use std::fmt;

use bytes::Bytes;
use footfall_proto::beacon::{BeaconEnvelope, Consent, Event};
use footfall_proto::limits::{MAX_EVENT_BYTES, MAX_EVENTS_PER_BATCH};
use footfall_proto::relay::DropReason;
use prost::Message;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::protocol::DecodeError;
use crate::submission::{Credential, Submission, SubmittedEvent};

pub(super) fn read(body: &[u8]) -> Result<Submission, DecodeError> {
    let malformed = |error: serde_json::Error| DecodeError::Malformed(error.to_string());
    let mut parser = serde_json::Deserializer::from_slice(body);
    let wrapper = Top.deserialize(&mut parser).map_err(malformed)?;
    parser.end().map_err(malformed)?;
    if wrapper.events.count > MAX_EVENTS_PER_BATCH {
        let tracking_id =
            wrapper.rest.get("tracking_id").and_then(Value::as_str).unwrap_or_default().to_owned();
        return Err(DecodeError::TooMany { tracking_id, count: wrapper.events.count });
    }
    Ok(assemble(wrapper))
}

/// The top of the document: the wrapper's own keys (or a lone event's), and its events.
#[derive(Default)]
struct Wrapper {
    rest: Map<String, Value>,
    events: Events,
    wrapped: bool,
}

/// The events that are kept, and how many there were: of more than a request may carry only the count matters.
#[derive(Default)]
struct Events {
    kept: Vec<Value>,
    count: usize,
}

impl<'de> Deserialize<'de> for Events {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Events;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of events")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Events, A::Error> {
                let mut events = Events::default();
                while events.count < MAX_EVENTS_PER_BATCH {
                    let Some(event) = list.next_element()? else { return Ok(events) };
                    events.kept.push(event);
                    events.count += 1;
                }
                while list.next_element::<IgnoredAny>()?.is_some() {
                    events.count += 1;
                }
                Ok(events)
            }
        }
        deserializer.deserialize_seq(List)
    }
}

struct Top;

impl<'de> DeserializeSeed<'de> for Top {
    type Value = Wrapper;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Wrapper, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Top {
    type Value = Wrapper;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a tracking_id")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Wrapper, A::Error> {
        let mut wrapper = Wrapper::default();
        while let Some(key) = map.next_key::<String>()? {
            if key == "events" {
                wrapper.events = map.next_value()?;
                wrapper.wrapped = true;
            } else {
                wrapper.rest.insert(key, map.next_value()?);
            }
        }
        Ok(wrapper)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Wrapper, A::Error> {
        let events = Events::deserialize(serde::de::value::SeqAccessDeserializer::new(list))?;
        Ok(Wrapper { rest: Map::new(), events, wrapped: true })
    }
}

fn assemble(mut wrapper: Wrapper) -> Submission {
    // Whoever writes JSON may be a program, and says so by writing it: no credential is asked for.
    let mut submission = Submission { credential: Credential::NotRequired, ..Submission::default() };
    if wrapper.wrapped {
        submission.unknown_keys +=
            wrapper.rest.iter().filter(|(key, value)| !share(&mut submission.shared, key, value)).count();
        // A bare list has no wrapper: its first event names the site.
        if submission.shared.tracking_id.is_empty()
            && let Some(Value::String(named)) =
                wrapper.events.kept.first().and_then(|event| event.get("tracking_id"))
        {
            submission.shared.tracking_id.clone_from(named);
        }
    } else {
        wrapper.rest.retain(|key, value| !share(&mut submission.shared, key, value));
        wrapper.events.kept.push(Value::Object(wrapper.rest));
    }
    for value in &wrapper.events.kept {
        let (sent, unknown) = event(value, &submission.shared.tracking_id);
        submission.unknown_keys += unknown;
        submission.events.push(sent);
    }
    submission
}

/// Takes a key that all events of a submission share; says whether it is one.
fn share(shared: &mut BeaconEnvelope, key: &str, value: &Value) -> bool {
    let text = || value.as_str().unwrap_or_default().to_owned();
    match key {
        "tracking_id" => shared.tracking_id = text(),
        "sdk_version" => shared.sdk_version = text(),
        "language" => shared.language = text(),
        "timezone" => shared.timezone = text(),
        "sent_at" => shared.sent_at_ms = timestamp(value).unwrap_or_default(),
        "screen_resolution" => {
            let size = value.as_str().and_then(|text| text.split_once('x'));
            let pixels = |text: &str| text.trim().parse().ok();
            if let Some((width, height)) =
                size.and_then(|(width, height)| Some((pixels(width)?, pixels(height)?)))
            {
                (shared.screen_width, shared.screen_height) = (width, height);
            }
        }
        "consent" => {
            shared.consent = match value.as_str() {
                Some("granted") => Consent::Granted,
                Some("denied") => Consent::Denied,
                _ => Consent::Unspecified,
            } as i32;
        }
        "gpc" => shared.gpc = truth(value),
        "dnt" => shared.dnt = truth(value),
        _ => return false,
    }
    true
}

fn truth(value: &Value) -> bool {
    matches!(value, Value::Bool(true)) || value.as_u64() == Some(1)
}

/// One event and the number of its keys that no column has. An event of another site than its batch's is invalid.
fn event(value: &Value, tracking_id: &str) -> (SubmittedEvent, usize) {
    let mut draft = Draft::default();
    let mut unknown = 0;
    let mut valid = false;
    if let Value::Object(map) = value {
        valid = true;
        for (key, value) in map {
            match draft.set(key, value, tracking_id) {
                Some(()) => {}
                None if is_column(key) => valid = false,
                None => unknown += 1,
            }
        }
    }
    let bytes = Bytes::from(draft.event.encode_to_vec());
    let event = match valid {
        true if bytes.len() > MAX_EVENT_BYTES => Err(DropReason::TooLarge),
        true => Ok(draft.event),
        false => Err(DropReason::Invalid),
    };
    (SubmittedEvent { bytes, event, user_id: draft.user_id, session_id: draft.session_id }, unknown)
}

#[derive(Default)]
struct Draft {
    event: Event,
    user_id: String,
    session_id: String,
}

/// Every key that means something in an event, apart from the numbered custom columns.
const COLUMNS: [&str; 31] = [
    "tracking_id",
    "event_id",
    "event_type",
    "client_timestamp",
    "page_view_id",
    "page_url",
    "page_title",
    "page_referrer",
    "event_category",
    "event_action",
    "event_label",
    "event_value",
    "engagement_ms",
    "scroll_depth",
    "traffic_source",
    "traffic_medium",
    "traffic_campaign",
    "traffic_keyword",
    "transaction_id",
    "transaction_revenue",
    "transaction_tax",
    "transaction_shipping",
    "product_sku",
    "product_name",
    "product_category",
    "product_price",
    "product_quantity",
    "custom_dimensions",
    "custom_metrics",
    "user_id",
    "session_id",
];

fn is_column(key: &str) -> bool {
    COLUMNS.contains(&key) || key.starts_with("custom_dimension_") || key.starts_with("custom_metric_")
}

impl Draft {
    /// Takes one key; `None` when the key is unknown or its value is of no use. `null` is as good as absent.
    fn set(&mut self, key: &str, value: &Value, tracking_id: &str) -> Option<()> {
        if value.is_null() && is_column(key) {
            return Some(());
        }
        let event = &mut self.event;
        let text = || value.as_str().map(ToOwned::to_owned);
        let number = || value.as_f64();
        match key {
            "tracking_id" if value.as_str()? != tracking_id => return None,
            "tracking_id" => {}
            "event_id" => event.event_id = id(value)?,
            "page_view_id" => event.page_view_id = id(value)?,
            "event_type" => event.event_type = text()?,
            "client_timestamp" => event.client_timestamp_ms = timestamp(value)?,
            "page_url" => event.page_url = text()?,
            "page_title" => event.page_title = text()?,
            "page_referrer" => event.page_referrer = text()?,
            "event_category" => event.event_category = text()?,
            "event_action" => event.event_action = text()?,
            "event_label" => event.event_label = text()?,
            "event_value" => event.event_value = Some(number()?),
            "engagement_ms" => event.engagement_ms = value.as_u64()?.try_into().ok()?,
            "scroll_depth" => event.scroll_depth = value.as_u64()?.try_into().ok()?,
            "traffic_source" => event.traffic_source = text()?,
            "traffic_medium" => event.traffic_medium = text()?,
            "traffic_campaign" => event.traffic_campaign = text()?,
            "traffic_keyword" => event.traffic_keyword = text()?,
            "transaction_id" => event.transaction_id = Some(text()?),
            "transaction_revenue" => event.transaction_revenue = Some(number()?),
            "transaction_tax" => event.transaction_tax = Some(number()?),
            "transaction_shipping" => event.transaction_shipping = Some(number()?),
            "product_sku" => event.product_sku = Some(text()?),
            "product_name" => event.product_name = Some(text()?),
            "product_category" => event.product_category = Some(text()?),
            "product_price" => event.product_price = Some(number()?),
            "product_quantity" => event.product_quantity = Some(value.as_i64()?.try_into().ok()?),
            "custom_dimensions" => {
                for (slot, value) in value.as_object()? {
                    event.custom_dimensions.insert(slot.parse().ok()?, value.as_str()?.to_owned());
                }
            }
            "custom_metrics" => {
                for (slot, value) in value.as_object()? {
                    event.custom_metrics.insert(slot.parse().ok()?, value.as_f64()?);
                }
            }
            "user_id" => self.user_id = text()?,
            "session_id" => self.session_id = text()?,
            _ => {
                if let Some(slot) = key.strip_prefix("custom_dimension_") {
                    event.custom_dimensions.insert(slot.parse().ok()?, text()?);
                } else {
                    let slot = key.strip_prefix("custom_metric_")?;
                    event.custom_metrics.insert(slot.parse().ok()?, number()?);
                }
            }
        }
        Some(())
    }
}

fn id(value: &Value) -> Option<Bytes> {
    Uuid::try_parse(value.as_str()?).ok().map(|id| Bytes::copy_from_slice(id.as_bytes()))
}

/// Milliseconds since the Unix epoch, given as a number or as RFC 3339.
fn timestamp(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => {
            let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
            i64::try_from(at.unix_timestamp_nanos() / 1_000_000).ok()
        }
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().map(|ms| ms as i64)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
