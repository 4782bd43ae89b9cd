//! Apache Druid: what it is to read and for how long it keeps it ([`Ingestion`]), whether it does ([`supervise`]), and reports from its
//! rolled-up minutes. Knows nothing of how rows come into the topic.

mod connection;
mod error;
mod ingestion;
mod metrics;
mod question;
mod reports;
mod retention;
mod row;
mod status;
mod supervision;

pub use connection::{Druid, Options};
pub use error::{DruidError, OpenError};
pub use ingestion::{DIMENSIONS, Ingestion, PAGE_VIEWS, SKETCH_LG_K};
pub use metrics::Metrics;
pub use question::{Bucket, Dimension, Figures, Scope};
pub use reports::DISTINCT_ERROR;
pub use row::Row;
pub use status::Status;
pub use supervision::{Health, Look, supervise};
