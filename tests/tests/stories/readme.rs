//! The README's curl examples work as printed. Only the ports are changed to those of this run.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use footfall_tests::cluster::{Cluster, cluster};
use footfall_tests::wait::until;

/// What the README promises between an answer and a row.
const PROMISED: Duration = Duration::from_secs(2);

#[tokio::test]
async fn the_examples_of_the_readme_work_as_printed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace");
    let readme = std::fs::read_to_string(root.join("README.md")).expect("there is a README");
    let examples: Vec<String> =
        shell_blocks(&readme).into_iter().filter(|block| block.contains("curl ")).collect();
    let [sending, reading, figures, aggregates] = &examples[..] else {
        panic!("four blocks of curl examples, not {}", examples.len())
    };

    let cluster = cluster().start().await;
    let sent = shell(&cluster, sending);
    assert!(sent.contains("204"), "{sent}");
    until("the row is in ClickHouse", PROMISED, || async {
        let row = shell(&cluster, reading);
        (row.contains("/hello") && row.contains("readme")).then_some(())
    })
    .await;
    until("the figures show it", PROMISED, || async {
        let shown: Vec<serde_json::Value> = figures
            .lines()
            .map(|line| {
                let text = shell(&cluster, line);
                serde_json::from_str(&text).unwrap_or_else(|error| panic!("{line}: {error}: {text}"))
            })
            .collect();
        let hello = |value: &serde_json::Value| value.to_string().contains("/hello");
        let is_series = |value: &serde_json::Value| value["buckets"].is_array();
        shown.iter().all(|value| hello(value) || is_series(value)).then_some(())
    })
    .await;
    // Whoever sends by curl is a bot, and bots are not in them; what counts is that each answers, with the seed's columns.
    for (line, column) in aggregates.lines().zip(["avg_time_on_page", "sessions", "bounce_rate"]) {
        let described =
            line.replace("SELECT *", "DESCRIBE TABLE (SELECT *").replace(" FORMAT PrettyCompact", ")");
        shell(&cluster, line);
        assert!(shell(&cluster, &described).contains(column), "{line} lacks {column}");
    }
    cluster.finish().await;
}

/// The contents of ```sh blocks.
fn shell_blocks(text: &str) -> Vec<String> {
    let pieces = text.split("```");
    pieces.skip(1).step_by(2).filter_map(|piece| piece.strip_prefix("sh\n")).map(str::to_owned).collect()
}

fn shell(cluster: &Cluster, script: &str) -> String {
    let run = cluster.run();
    let changed = script
        .replace("http://127.0.0.1:8080", &run.urls.edge)
        .replace("http://127.0.0.1:8081", &run.urls.central)
        .replace("http://127.0.0.1:8123", &run.clickhouse.url);
    let output = Command::new("sh").args(["-e", "-c", &changed]).output().expect("there is a shell");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{changed}\n{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}
