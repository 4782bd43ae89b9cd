//! How the ingestion is: what Druid's overlord says of the supervisor, and what a person has to do about it. Pure.
//!
//! Format: <https://druid.apache.org/docs/33.0.0/api-reference/supervisor-api/>, `GET …/status`.

use serde_json::Value;

/// What the overlord says of a supervisor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The supervisor, called as its data source.
    pub data_source: String,
    /// `RUNNING`, `PENDING`, `SUSPENDED`, `UNHEALTHY_SUPERVISOR`, `UNHEALTHY_TASKS` or another.
    pub state: String,
    /// The same more closely, such as `CREATING_TASKS` or `UNABLE_TO_CONNECT_TO_STREAM`.
    pub detailed_state: String,
    /// Whether it is in good health, as Druid sees it.
    pub healthy: bool,
    /// Whether a person has told it to rest.
    pub suspended: bool,
    /// Records of the topic that no task has read yet; unknown while no task tells.
    pub lag: Option<u64>,
    /// Tasks that read or publish.
    pub tasks: usize,
    /// The newest thing that went wrong.
    pub newest_error: Option<String>,
}

impl Status {
    /// Reads what the overlord says; what it leaves out is as nothing.
    pub(crate) fn read(answer: &Value) -> Self {
        let payload = &answer["payload"];
        let text = |name: &str| payload[name].as_str().unwrap_or_default().to_owned();
        let tasks = |name: &str| payload[name].as_array().map_or(0, Vec::len);
        let error = payload["recentErrors"].as_array().and_then(|errors| errors.last());
        let message = error.and_then(|error| {
            let text = ["message", "exceptionClass"].into_iter().find_map(|name| error[name].as_str())?;
            Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
        });
        Self {
            data_source: answer["id"].as_str().unwrap_or_default().to_owned(),
            state: text("state"),
            detailed_state: text("detailedState"),
            healthy: payload["healthy"].as_bool().unwrap_or(false),
            suspended: payload["suspended"].as_bool().unwrap_or(false),
            lag: payload["aggregateLag"].as_i64().map(|lag| lag.max(0).unsigned_abs()),
            tasks: tasks("activeTasks") + tasks("publishingTasks"),
            newest_error: message,
        }
    }

    /// What a person has to do something about, with what; nothing while all is well or still begins.
    pub fn problem(&self) -> Option<String> {
        let of = &self.data_source;
        let error = self.newest_error.as_ref().map_or(String::new(), |error| format!(" ({error})"));
        if self.suspended {
            return Some(format!(
                "Druid's ingestion of {of} is suspended: POST /druid/indexer/v1/supervisor/{of}/resume to its coordinator"
            ));
        }
        if self.healthy {
            return None;
        }
        let (state, remedy) = (&self.detailed_state, self.remedy());
        Some(format!("Druid's ingestion of {of} is unhealthy, {state}: {remedy}{error}"))
    }

    fn remedy(&self) -> &'static str {
        match self.detailed_state.as_str() {
            "UNABLE_TO_CONNECT_TO_STREAM" | "LOST_CONTACT_WITH_STREAM" => {
                "see that Kafka runs and that druid.kafka is how Druid reaches it"
            }
            "UNHEALTHY_TASKS" => "look at the messages of its tasks, and at the room in its deep storage",
            _ => "look at the messages of its coordinator",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn status(payload: Value) -> Status {
        let mut answer = json!({ "id": "page_views" });
        answer["payload"] = payload;
        Status::read(&answer)
    }

    #[test]
    fn one_that_runs_tells_how_far_behind_it_is_and_is_no_problem() {
        let running = status(json!({
            "state": "RUNNING", "detailedState": "RUNNING", "healthy": true, "suspended": false,
            "aggregateLag": 42, "activeTasks": [{}], "publishingTasks": [{}, {}], "recentErrors": [],
        }));
        assert_eq!((running.lag, running.tasks, running.problem()), (Some(42), 3, None));
        let begins = status(json!({ "state": "RUNNING", "healthy": true, "aggregateLag": null }));
        assert_eq!((begins.lag, begins.tasks), (None, 0));
        assert_eq!(
            status(json!({ "healthy": true, "aggregateLag": -3 })).lag,
            Some(0),
            "a topic that was made anew"
        );
    }

    #[test]
    fn one_that_does_not_run_says_what_to_do() {
        let suspended = status(json!({ "state": "SUSPENDED", "healthy": true, "suspended": true }));
        assert!(suspended.problem().expect("a problem").contains("page_views/resume"));
        let away = status(json!({
            "state": "UNHEALTHY_SUPERVISOR", "detailedState": "UNABLE_TO_CONNECT_TO_STREAM", "healthy": false,
            "recentErrors": [{ "message": "old" }, { "exceptionClass": "X", "message": "Timeout\n expired" }],
        }));
        assert_eq!(
            away.problem().expect("a problem"),
            "Druid's ingestion of page_views is unhealthy, UNABLE_TO_CONNECT_TO_STREAM: \
             see that Kafka runs and that druid.kafka is how Druid reaches it (Timeout expired)"
        );
        let tasks = status(json!({ "detailedState": "UNHEALTHY_TASKS", "healthy": false }));
        assert!(tasks.problem().expect("a problem").contains("deep storage"));
    }

    proptest! {
        #[test]
        fn whatever_it_answers_is_read(text in "[\\[\\]{}\":,a-z0-9]{0,200}") {
            let answer = serde_json::from_str::<Value>(&text).unwrap_or_default();
            let _ = Status::read(&answer).problem();
            let _ = status(answer).problem();
        }
    }
}
