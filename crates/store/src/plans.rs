//! How both engines go about what pages ask: whatever a page asks is noted while it is asked, and each statement explained.
//! None reads all of a table that grows with customers; what a run fills is not read whole either where nothing is known yet
//! of how full it is.

mod world;

use std::{cell::RefCell, collections::BTreeSet};

use sqlx::{AssertSqlSafe, Row as _};

use self::world::World;
use crate::{
    Store,
    engine::{Engine, Pools},
    sql::{Query, Value, query},
};

/// Read whole in no time: they do not grow with customers.
const SMALL: [&str; 3] = [" runs r", " staff s", " provider_health"];
/// What a run fills, and pages ask for before anybody knows how full it is.
const OF_A_RUN: [&str; 4] = [" customers", " bills", " deliveries", " attempts"];

tokio::task_local! {
    static NOTED: RefCell<Vec<Query>>;
}

/// Keeps what the engine is about to ask, where somebody listens.
pub(crate) fn note(query: &Query) {
    let _ = NOTED.try_with(|noted| noted.borrow_mut().push(query.clone()));
}

/// What was asked meanwhile, each text once.
async fn asked(engine: Engine, page: impl Future<Output = ()>) -> Vec<Query> {
    let noted = NOTED.scope(RefCell::default(), async {
        page.await;
        NOTED.with(RefCell::take)
    });
    let mut known = BTreeSet::new();
    let mut noted = noted.await;
    noted.retain(|query| known.insert(query.text(engine)));
    noted
}

/// The plan of a statement, a step a line. Of PostgreSQL the one that it keeps, which knows no values.
async fn plan(store: &Store, asked: &Query) -> String {
    let steps: Vec<String> = match &store.pools {
        Pools::Sqlite { .. } => {
            let mut explained = query(format!("EXPLAIN QUERY PLAN {}", asked.text(Engine::Sqlite)));
            let rows = asked.rows.iter().flat_map(|rows| &rows.values);
            explained.values = asked.values.iter().chain(rows).cloned().collect();
            let steps = explained.fetch_all(&store.pools).await.expect("a plan");
            let steps = steps.iter().map(|step| step.get("detail"));
            steps.collect::<Result<_, _>>().expect("steps")
        }
        Pools::Postgres(pool) => {
            let mut one = pool.acquire().await.expect("a connection");
            let types = types(asked);
            let places = vec!["NULL"; types.len()].join(", ");
            let (types, text) = (types.join(", "), asked.text(Engine::Postgres));
            let prepare = format!(
                "SET plan_cache_mode = force_generic_plan; PREPARE asked ({types}) AS {text}"
            )
            .replace("asked ()", "asked");
            let explain = format!("EXPLAIN EXECUTE asked ({places})").replace("asked ()", "asked");
            let done = sqlx::raw_sql(AssertSqlSafe(prepare.clone())).execute(&mut *one);
            done.await.expect(&prepare);
            let steps = sqlx::raw_sql(AssertSqlSafe(explain)).fetch_all(&mut *one);
            let steps = steps.await.expect("a plan");
            let ended = sqlx::raw_sql("DEALLOCATE asked; RESET plan_cache_mode");
            ended.execute(&mut *one).await.expect("ended");
            steps.iter().map(|step| step.get(0)).collect()
        }
    };
    steps.join("\n")
}

/// Of what is bound, in PostgreSQL's words.
fn types(asked: &Query) -> Vec<String> {
    let one = |value: &Value| match value {
        Value::Int(_) => "int8",
        Value::Text(_) => "text",
        Value::Bytes(_) => "bytea",
    };
    let own = asked.values.iter().map(|value| one(value).to_owned());
    let rows = asked.rows.iter().flat_map(|rows| {
        let arrays = rows.values.iter().take(rows.width);
        let arrays = arrays.map(|value| format!("{}[]", one(value)));
        arrays.chain(["int8".to_owned()])
    });
    own.chain(rows).collect()
}

/// The steps of a plan that read all of a table or index.
fn whole(engine: Engine, plan: &str) -> Vec<&str> {
    let steps: Vec<_> = plan.lines().collect();
    let is_whole = |at: &usize| {
        let (step, next) = (steps[*at], steps.get(at + 1).unwrap_or(&""));
        match engine {
            Engine::Sqlite => step.strip_prefix("SCAN ").is_some_and(|what| {
                // What is bound, or what another step found.
                let named = what.split(' ').next().unwrap_or_default();
                let found = ["CO-ROUTINE", "MATERIALIZE"].map(|made| format!("{made} {named}"));
                let bound = what.contains(" ROW") || what.contains("-ROW VALUES");
                !bound
                    && !steps
                        .iter()
                        .any(|step| found.iter().any(|found| step == found))
            }),
            Engine::Postgres => {
                let by_index = step.contains("Index Scan") || step.contains("Index Only Scan");
                step.contains("Seq Scan on") || (by_index && !next.contains("Index Cond"))
            }
        }
    };
    let all = (0..steps.len()).filter(is_whole);
    all.map(|at| steps[at])
        .filter(|step| !SMALL.iter().any(|small| step.contains(small)))
        .collect()
}

/// The statements of all pages that read what they should not, with their plans.
async fn faults(world: &World, engine: Engine, counts: impl Fn(&str) -> bool) -> Vec<String> {
    let mut faults = Vec::new();
    for (page, asks) in world.pages() {
        let all = asked(engine, asks).await;
        assert!(!all.is_empty(), "{page} asks something");
        for statement in all {
            let plan = plan(&world.store, &statement).await;
            if whole(engine, &plan).into_iter().any(&counts) {
                let text = statement.text(engine);
                faults.push(format!("{page}: {text}\n{plan}\n"));
            }
        }
    }
    faults
}

#[tokio::test]
async fn no_page_reads_a_whole_table_of_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}", folder.path().join("plans.db").display());
    let world = World::filled(Store::open(&url).await.expect("a store")).await;
    let faults = faults(&world, Engine::Sqlite, |_| true).await;
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[tokio::test]
async fn no_page_reads_a_whole_table_of_postgresql() {
    let cluster = kvit_postgres::shared().expect("PostgreSQL starts where it is installed");
    let Some(cluster) = cluster else {
        return;
    };
    let url = cluster.create_database("plans").expect("a database");
    let world = World::filled(Store::open(&url).await.expect("a store")).await;
    let of_a_run = |step: &str| OF_A_RUN.iter().any(|table| step.contains(table));
    let unknown = faults(&world, Engine::Postgres, of_a_run).await;
    assert!(
        unknown.is_empty(),
        "without statistics {}",
        unknown.join("\n")
    );
    world.store.look_at_grown_tables().await;
    let known = faults(&world, Engine::Postgres, |_| true).await;
    assert!(known.is_empty(), "{}", known.join("\n"));
}
