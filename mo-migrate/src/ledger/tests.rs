use super::*;
use crate::engine::{SharedEngine, Target, Touched};
use crate::observer::Phase;

/// A run that has sent one statement, of which the end is not written yet.
async fn in_apply(dir: &std::path::Path) -> (SharedEngine, Ledger) {
    let path = dir.join("app.db");
    let engine = Target::from(format!("sqlite:{}", path.display())).open().unwrap();
    engine.create_database().await.unwrap();
    let mut ledger = Ledger::open(&*engine).await.unwrap();
    let mut run = RunRecord::sample();
    ledger.begin_run(&mut run, None).await.unwrap();
    ledger.add_snapshot(&SnapshotRecord::sample()).await.unwrap();
    let line = StatementLine {
        version: 1,
        number: 1,
        line: 1,
        touched: Touched::default(),
        began: None,
        outside: None,
    };
    ledger.statement_begins(&run, &line).await.unwrap();
    ledger.statement_ends(&run.id, &line, 7, None, None);
    (engine, ledger)
}

/// How long the statement took, as another reader finds it.
async fn written(engine: &dyn Engine) -> Option<u64> {
    let mut ledger = Ledger::read(engine).await.unwrap().unwrap();
    let statements = ledger.statements("run_1").await.unwrap();
    ledger.close().await;
    statements[0].duration_ms
}

#[tokio::test]
async fn what_is_left_to_the_next_write_is_written_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let (engine, mut ledger) = in_apply(dir.path()).await;
    assert_eq!(written(&*engine).await, None);
    ledger.phase(&mut RunRecord::sample(), Phase::Validate, "").await.unwrap();
    assert_eq!(written(&*engine).await, Some(7));
}

#[tokio::test]
async fn who_reads_the_ledger_reads_what_is_left_to_the_next_write() {
    let dir = tempfile::tempdir().unwrap();
    let (_, mut ledger) = in_apply(dir.path()).await;
    assert_eq!(ledger.statements("run_1").await.unwrap()[0].duration_ms, Some(7));
}

#[tokio::test]
async fn what_is_left_to_the_next_write_is_not_lost_with_a_connection() {
    let dir = tempfile::tempdir().unwrap();
    let (engine, mut ledger) = in_apply(dir.path()).await;
    ledger.release("s", 5);
    ledger.reopen(&*engine).await.unwrap();
    ledger.close().await;
    assert_eq!(written(&*engine).await, Some(7));
    let mut ledger = Ledger::read(&*engine).await.unwrap().unwrap();
    let snapshot = ledger.snapshot("s").await.unwrap().unwrap();
    assert_eq!((snapshot.delete_after, snapshot.pinned), (Some(5), false));
}
