//! A row of the topic: one JSON object, flat, with the data source's dimensions and what its metrics are made of. Pure.

use serde::Serialize;

/// What happened in one minute of a page, or what is to be added to it later.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Row<'a> {
    /// Milliseconds since 1970.
    pub timestamp: i64,
    /// UUID in text form.
    pub website_id: &'a str,
    /// Path of the page.
    pub page_path: &'a str,
    /// Its title.
    pub page_title: &'a str,
    /// Where the visitor is: ISO 3166 code ...
    pub country: &'a str,
    /// ... region ...
    pub region: &'a str,
    /// ... and city.
    pub city: &'a str,
    /// desktop, mobile or tablet.
    pub device_type: &'a str,
    /// The browser's name.
    pub browser: &'a str,
    /// The operating system's name.
    pub os: &'a str,
    /// The class of the visit's source.
    pub traffic_source: &'a str,
    /// Its medium.
    pub traffic_medium: &'a str,
    /// Its campaign.
    pub traffic_campaign: &'a str,
    /// Whom the sketch of visitors counts; nobody in rows that only add to a minute.
    pub user_id: Option<&'a str>,
    /// What the sketch of visits counts, likewise.
    pub session_id: Option<&'a str>,
    /// 1 for a page view, 0 for what is added later.
    pub pageviews: u8,
    /// Seconds of engagement that were received.
    pub time_on_page: f64,
    /// 1 where a visit ended as a bounce, −1 where a late event undid it.
    pub is_bounce: i8,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DIMENSIONS;

    #[test]
    fn a_row_is_flat_and_has_every_dimension_and_what_the_metrics_are_made_of() {
        let row = Row { timestamp: 1, pageviews: 1, user_id: Some("u"), ..Row::default() };
        let json = serde_json::to_value(&row).expect("JSON");
        let fields = json.as_object().expect("an object");
        assert!(DIMENSIONS.iter().all(|name| fields[*name] == ""));
        assert!(fields.values().all(|value| !value.is_object() && !value.is_array()));
        assert_eq!(fields.len(), DIMENSIONS.len() + 6);
        assert_eq!((&fields["user_id"], &fields["session_id"]), (&"u".into(), &serde_json::Value::Null));
    }
}
