//! How long one append to the journal takes, alone and among many that share its fsync.

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use footfall_journal::{Journal, Options};

fn appends(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime starts");
    let mut group = criterion.benchmark_group("append 600 B, durable");
    for together in [1_u64, 64, 256] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (journal, _) = Journal::open(Options::new(folder.path())).expect("an empty folder opens");
        let record = Bytes::from(vec![42; 600]);
        group.throughput(Throughput::Elements(together));
        group.bench_with_input(BenchmarkId::from_parameter(together), &together, |bencher, &together| {
            bencher.iter(|| {
                let waiting: Vec<_> = (0..together).map(|_| journal.append(vec![record.clone()])).collect();
                runtime.block_on(async {
                    for pending in waiting {
                        pending.await.expect("the disk takes it");
                    }
                });
                journal.release(journal.end());
            });
        });
        journal.close();
    }
    group.finish();
}

criterion_group!(benches, appends);
criterion_main!(benches);
