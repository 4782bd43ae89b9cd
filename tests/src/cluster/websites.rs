//! Websites of a running system, added as an administrator does.

use serde_json::Value;
use tokio::process::Command;
use uuid::Uuid;

use super::{Cluster, POLICY, binaries};
use crate::event;
use crate::wait::until;

impl Cluster {
    /// So many websites for a load, the demo's among them, each known to the edge. Answers their tracking ids.
    pub async fn websites(&self, count: usize) -> Vec<String> {
        let mut websites = vec![self.run().tracking_id.clone()];
        while websites.len() < count {
            websites.push(self.add_website(&format!("Site {}", websites.len())).await);
        }
        websites
    }

    /// Adds a website as an administrator would. Answers what it is: `website_id`, `tracking_id` and so on.
    pub async fn create_website(&self, name: &str) -> Value {
        let mut add = Command::new(binaries().join("central"));
        // What the stories are told by is no setting of central's.
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("FOOTFALL_")) {
            add.env_remove(name);
        }
        add.args(["admin", "--config"]).arg(self.folder.join("central/central.toml"));
        add.args([
            "website",
            "add",
            "--domain",
            "127.0.0.1",
            "--name",
            name,
            "--bot-filtering",
            "false",
            "--json",
        ]);
        let output = add.output().await.expect("central can be started");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "no website {name}: {complaint}");
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    /// Adds a website, and waits until the edge takes its events. Answers its tracking id.
    pub async fn add_website(&self, name: &str) -> String {
        let website = self.create_website(name).await;
        let tracking_id = website["tracking_id"].as_str().expect("a tracking id").to_owned();
        until("the edge knows the website", POLICY, || async {
            let id = Uuid::now_v7();
            self.ledger.sent(&[id]);
            let view = event::page_view(id, "https://127.0.0.1/first");
            let taken = self.post(event::batch(&tracking_id, &[view])).await.status() == 204;
            taken.then(|| self.ledger.answered([id]))
        })
        .await;
        tracking_id
    }
}
