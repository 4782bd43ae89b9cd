//! How long segments stay, and on how many servers: the tiers of `database-design.txt` as Druid's load rules. Pure.
//!
//! Format: <https://druid.apache.org/docs/33.0.0/operations/rule-configuration/>.

use serde_json::{Value, json};

/// The tier that historical processes are in that name none.
const TIER: &str = "_default_tier";

/// The rules, the first of which that fits a segment counts. `replicas` is the most copies that there are servers for.
pub(crate) fn rules(replicas: u32) -> Value {
    // Hot, warm and cold: days of the period, and copies.
    let tiers = [(7, 3), (90, 2), (426, 1)];
    let load = |(days, copies): (u32, u32)| {
        json!({
            "type": "loadByPeriod",
            "period": format!("P{days}D"),
            "includeFuture": true,
            "tieredReplicants": { TIER: copies.min(replicas.max(1)) },
            "useDefaultTierForNull": true,
        })
    };
    let mut rules: Vec<Value> = tiers.into_iter().map(load).collect();
    rules.push(json!({ "type": "dropForever" }));
    Value::Array(rules)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_follow_the_tiers_as_far_as_there_are_servers_and_what_is_older_goes() {
        let copies = |replicas| -> Vec<u64> {
            let rules = rules(replicas);
            let rules = rules.as_array().expect("rules");
            rules.iter().filter_map(|rule| rule["tieredReplicants"][TIER].as_u64()).collect()
        };
        assert_eq!(
            (copies(3), copies(2), copies(1), copies(0)),
            (vec![3, 2, 1], vec![2, 2, 1], vec![1, 1, 1], vec![1, 1, 1])
        );
        let rules = rules(3);
        assert_eq!(rules[2]["period"], "P426D");
        assert_eq!(rules[3]["type"], "dropForever");
    }
}
