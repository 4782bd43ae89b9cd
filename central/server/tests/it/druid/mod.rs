//! Druid beside ClickHouse: its rows in the real Kafka, and central with the real Druid.

mod central;
mod rows;

use footfall_log::kafka::Options;
use rdkafka::admin::AdminOptions;

use crate::log::fixture::{LogFixture, admin};

/// A topic that nobody else has.
fn topic(options: &Options) -> String {
    options.topic.replace(".events", ".page_views")
}

/// Takes the topics away again.
async fn clear(fixture: &LogFixture, options: &Options) {
    let rows = topic(options);
    let positions = format!("{rows}.positions");
    admin(options).delete_topics(&[&rows, &positions], &AdminOptions::new()).await.expect("deleted");
    fixture.clear().await;
}
