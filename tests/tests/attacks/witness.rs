//! A visitor, and an owner at the dashboard, who go on while somebody attacks; what they met.

use std::fmt;
use std::time::{Duration, Instant};

use footfall_tests::cluster::Cluster;
use footfall_tests::event::{self, BROWSER};
use footfall_tests::http::client;
use footfall_tests::setting;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

/// Between two events of the visitor.
const PAUSE: Duration = Duration::from_millis(20);
/// Between two looks at a report, and at whether an event's row is there.
const LOOK: Duration = Duration::from_millis(250);

/// Two people at work.
pub(crate) struct Witness {
    stop: watch::Sender<bool>,
    sent: watch::Receiver<usize>,
    visitor: JoinHandle<Vec<Duration>>,
    owner: JoinHandle<(Vec<Duration>, Vec<Duration>)>,
}

/// What they met.
pub(crate) struct Seen {
    /// Time to an answer, sorted.
    answers: Vec<Duration>,
    /// Time from an answer to a row.
    rows: Vec<Duration>,
    /// Time to a report.
    reports: Vec<Duration>,
}

impl Witness {
    pub(crate) fn start(cluster: &Cluster) -> Self {
        let (stop, stopped) = watch::channel(false);
        let (count, sent) = watch::channel(0);
        let (newest, of_newest) = watch::channel(None);
        let url = format!("{}/e", cluster.run().urls.edge);
        let (tracking_id, ledger) = (cluster.run().tracking_id.clone(), cluster.ledger());
        let ended = stopped.clone();
        let visitor = tokio::spawn(async move {
            let http = client().timeout(Duration::from_secs(15)).build().expect("a plain client");
            let mut pace = tokio::time::interval(PAUSE);
            let mut answers = Vec::new();
            while !*ended.borrow() {
                pace.tick().await;
                let id = Uuid::now_v7();
                ledger.sent(&[id]);
                let body = event::beacon_batch(&tracking_id, &[id], "https://127.0.0.1/witness");
                let began = Instant::now();
                let answer = http
                    .post(&url)
                    .header("user-agent", BROWSER)
                    .header("content-type", "text/plain")
                    .body(body)
                    .send();
                let answer = answer.await.expect("the edge answers");
                assert_eq!(answer.status(), 204, "a good event is taken");
                answers.push(began.elapsed());
                ledger.answered([id]);
                newest.send_replace(Some((id, Instant::now())));
                count.send_modify(|count| *count += 1);
            }
            answers
        });
        let owner = Owner::of(cluster);
        let owner = tokio::spawn(async move { owner.look(stopped, of_newest).await });
        Self { stop, sent, visitor, owner }
    }

    /// Waits until the visitor has been answered so often.
    pub(crate) async fn has_seen(&self, count: usize) {
        let mut sent = self.sent.clone();
        sent.wait_for(|sent| *sent >= count).await.expect("the visitor goes on");
    }

    pub(crate) async fn end(self) -> Seen {
        self.stop.send_replace(true);
        let mut answers = self.visitor.await.expect("each event was taken");
        let (rows, reports) = self.owner.await.expect("each report came");
        answers.sort_unstable();
        Seen { answers, rows, reports }
    }
}

/// Who reads the figures.
struct Owner {
    http: reqwest::Client,
    stats: String,
    store: String,
    user: String,
    password: String,
}

impl Owner {
    fn of(cluster: &Cluster) -> Self {
        let run = cluster.run();
        let password = std::fs::read_to_string(&run.clickhouse.password_file).expect("the password");
        Self {
            http: client().timeout(Duration::from_secs(15)).build().expect("a plain client"),
            stats: format!(
                "{}/api/v1/sites/{}/stats?from=2026-01-01&to=2036-01-01",
                run.urls.central, run.tracking_id
            ),
            store: run.clickhouse.url.clone(),
            user: run.clickhouse.user.clone(),
            password: password.trim().to_owned(),
        }
    }

    async fn look(
        self,
        stopped: watch::Receiver<bool>,
        newest: watch::Receiver<Option<(Uuid, Instant)>>,
    ) -> (Vec<Duration>, Vec<Duration>) {
        let mut pace = tokio::time::interval(LOOK);
        let (mut rows, mut reports) = (Vec::new(), Vec::new());
        while !*stopped.borrow() {
            pace.tick().await;
            // Each asks for another list, so that no answer is a cached one.
            let limit = 1 + reports.len() % 90;
            let began = Instant::now();
            let answer =
                self.http.get(format!("{}&limit={limit}", self.stats)).send().await.expect("central answers");
            assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap_or_default());
            reports.push(began.elapsed());
            let Some((id, answered)) = *newest.borrow() else { continue };
            while !self.is_stored(id).await {
                assert!(answered.elapsed() < Duration::from_mins(1), "the row of {id} never came");
                tokio::time::sleep(PAUSE).await;
            }
            rows.push(answered.elapsed());
        }
        (rows, reports)
    }

    async fn is_stored(&self, id: Uuid) -> bool {
        let query = format!("SELECT count() FROM footfall.events_local WHERE event_id = '{id}'");
        let request = self.http.post(&self.store).header("X-ClickHouse-User", &self.user);
        let answer = request.header("X-ClickHouse-Key", &self.password).body(query).send().await;
        let answer = answer.expect("the event store answers");
        let (status, text) = (answer.status(), answer.text().await.expect("a whole answer"));
        assert_eq!(status, 200, "{text}");
        text.trim() == "1"
    }
}

impl Seen {
    fn percentile(&self, share: usize) -> Duration {
        self.answers[(self.answers.len() * share / 100).min(self.answers.len() - 1)]
    }

    fn worst(of: &[Duration]) -> Duration {
        of.iter().copied().max().unwrap_or_default()
    }

    /// The bounds are a release build's where `prove` says so; a test's are for whatever machine it meets.
    pub(crate) fn hold(&self, name: &str) {
        let answer = Duration::from_millis(setting::number("FOOTFALL_P99_MS", 1000));
        let row = Duration::from_millis(setting::number("FOOTFALL_ROW_MS", 10_000));
        assert!(self.percentile(99) <= answer, "{name}: {self}");
        assert!(Self::worst(&self.rows) <= row, "{name}: {self}");
        assert!(Self::worst(&self.reports) <= row, "{name}: {self}");
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        write!(
            f,
            "{} events, p50 {:.1} ms, p99 {:.1} ms; a row within {:.0} ms, a report within {:.0} ms",
            self.answers.len(),
            ms(self.percentile(50)),
            ms(self.percentile(99)),
            ms(Self::worst(&self.rows)),
            ms(Self::worst(&self.reports)),
        )
    }
}
