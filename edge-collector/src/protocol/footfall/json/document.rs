//! The shape of a document: what its events share, and the fields of each, whose values are left as they are written. Skips
//! what no column has, however deep or large; reads no value. Pure.

use std::borrow::Cow;
use std::fmt;

use footfall_proto::beacon::BeaconEnvelope;
use footfall_proto::limits::MAX_EVENTS_PER_BATCH;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;

use super::column::Place;
use super::shared;
use super::value::Value;

/// A document, read to its end.
#[derive(Default)]
pub(super) struct Document<'a> {
    /// What the events share.
    pub(super) shared: BeaconEnvelope,
    /// What else stands at the document's top: the fields of a lone event.
    pub(super) own: Fields<'a>,
    /// The list of events; `None` if the document is a lone one.
    pub(super) events: Option<Events<'a>>,
}

impl<'a> Document<'a> {
    /// # Errors
    /// The text is no JSON, or no document of events.
    pub(super) fn read(text: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Document<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Top;
        impl<'de> Visitor<'de> for Top {
            type Value = Document<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with a tracking_id")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Document<'de>, A::Error> {
                let mut document = Document::default();
                while let Some(key) = map.next_key_seed(Key)? {
                    if key == "events" {
                        document.events = Some(map.next_value()?);
                        continue;
                    }
                    let value: &RawValue = map.next_value()?;
                    if !shared::take(&mut document.shared, &key, Value::of(value)) {
                        document.own.put(Place::named(&key), value);
                    }
                }
                Ok(document)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Document<'de>, A::Error> {
                let events = Events::deserialize(SeqAccessDeserializer::new(list))?;
                Ok(Document { events: Some(events), ..Document::default() })
            }
        }
        deserializer.deserialize_any(Top)
    }
}

/// The events that are kept, and how many there were: of more than a request may carry only the count matters.
#[derive(Default)]
pub(super) struct Events<'a> {
    /// `None` for what is no object.
    pub(super) kept: Vec<Option<Fields<'a>>>,
    pub(super) count: usize,
}

impl<'de: 'a, 'a> Deserialize<'de> for Events<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Events<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of events")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Events<'de>, A::Error> {
                let mut events = Events::default();
                while events.count < MAX_EVENTS_PER_BATCH {
                    let Some(event) = list.next_element_seed(FieldsOf(Place::named))? else {
                        return Ok(events);
                    };
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

/// The fields of an object that have a place: each once, with its last value, in the order in which they came.
#[derive(Default)]
pub(super) struct Fields<'a> {
    placed: Vec<(Place, &'a RawValue)>,
    /// Keys that no column has.
    pub(super) unknown: usize,
}

impl<'a> Fields<'a> {
    /// Reads an object whose keys have the places that `place_of` says; `None` if the text is no object.
    pub(super) fn read(text: &'a str, place_of: PlaceOf) -> Option<Self> {
        FieldsOf(place_of).deserialize(&mut serde_json::Deserializer::from_str(text)).ok().flatten()
    }

    /// How many have a place.
    pub(super) fn known(&self) -> usize {
        self.placed.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Place, Value<'a>)> {
        self.placed.iter().map(|(place, value)| (*place, Value::of(value)))
    }

    /// The site that the fields name, if they do.
    pub(super) fn tracking_id(&self) -> Option<Cow<'a, str>> {
        self.iter().find(|(place, _)| place.is_tracking_id()).and_then(|(_, value)| value.text())
    }

    fn put(&mut self, place: Option<Place>, value: &'a RawValue) {
        let Some(place) = place else {
            self.unknown += 1;
            return;
        };
        // Not before: objects that hold nothing are three bytes each.
        if self.placed.capacity() == 0 {
            self.placed.reserve(USUAL_FIELDS);
        }
        // There are few places, and so few fields, whatever is sent.
        if let Some(earlier) = self.placed.iter().position(|(placed, _)| *placed == place) {
            self.placed.remove(earlier);
        }
        self.placed.push((place, value));
    }
}

/// Room that an event's fields nearly always fit in.
const USUAL_FIELDS: usize = 16;

/// Reads a key of an object. Half a surrogate pair in it is U+FFFD, as in a text, and so a key that no column has.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_bytes(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_bytes<E: Error>(self, key: &'de [u8]) -> Result<Self::Value, E> {
        // As bytes the parser takes what a text may not hold unescaped.
        if key.iter().any(|byte| *byte < b' ') {
            return Err(E::custom("a control character in a key"));
        }
        Ok(String::from_utf8_lossy(key))
    }

    fn visit_bytes<E: Error>(self, key: &[u8]) -> Result<Self::Value, E> {
        Ok(Cow::Owned(String::from_utf8_lossy(key).into_owned()))
    }
}

/// The place of a key; `None` for one that has none.
pub(super) type PlaceOf = fn(&str) -> Option<Place>;

/// Reads [`Fields`]; of what is no object `None`.
struct FieldsOf(PlaceOf);

impl<'de> DeserializeSeed<'de> for FieldsOf {
    type Value = Option<Fields<'de>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for FieldsOf {
    type Value = Option<Fields<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Fields::default();
        while let Some(key) = map.next_key_seed(Key)? {
            fields.put((self.0)(&key), map.next_value()?);
        }
        Ok(Some(fields))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}
