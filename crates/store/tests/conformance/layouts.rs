//! Layouts: kept whole, made to count by a second person, and one for the whole of a run.

use std::collections::BTreeMap;

use kvit_billing::{LayoutBaseNo, LayoutNo, RunLayout};
use kvit_store::{
    Beside, ChooseLayout, LayoutChosen, LayoutInUse, NewLayout, Relaid, RelayRun, Release, Store,
    StoredLayout, layout_hash,
};
use serde_json::json;

use super::world::{at, checked_from, layout_base, release_by, run_id};

pub(crate) fn layout(text: &str, by: &str) -> NewLayout {
    let files = [("bill.typ", text), ("texts/bg.toml", "")];
    NewLayout {
        name: "есен.zip".to_owned(),
        files: BTreeMap::from(files.map(|(name, body)| (name.to_owned(), body.into()))),
        base: layout_base("one"),
        report: json!({ "kinds": [] }),
        by: by.to_owned(),
        who: by.to_owned(),
        at: at(1),
    }
}

async fn choose(store: &Store, no: u32, seen: u32, by: &str) -> LayoutChosen {
    let word = ChooseLayout {
        layout: LayoutNo(no),
        seen: LayoutNo(seen),
        by: by.to_owned(),
        who: format!("console:{by}"),
        at: at(i64::from(no) + 10),
    };
    store.choose_layout(&word).await.expect("an answer")
}

async fn current(store: &Store) -> u32 {
    store.current_layout().await.expect("a layout").0
}

pub(crate) async fn a_layout_counts_by_a_second_person_s_word(store: Store) {
    assert_eq!(current(&store).await, 0);
    let builtin = store.layout_files(LayoutNo::BUILTIN).await.expect("read");
    assert_eq!(builtin, Some(BTreeMap::new()));
    let first = layout("one", "Ana");
    let brought = store.bring_layout(&first).await.expect("kept");
    assert_eq!(brought, (LayoutNo(1), true));
    let again = layout("one", "boris");
    let again = store.bring_layout(&again).await.expect("known");
    assert_eq!(
        again,
        (LayoutNo(1), false),
        "the same files are one version"
    );
    assert_eq!(current(&store).await, 0, "brought is not chosen");

    assert_eq!(choose(&store, 1, 0, "ana").await, LayoutChosen::SamePerson);
    assert_eq!(choose(&store, 2, 0, "boris").await, LayoutChosen::Unknown);
    assert_eq!(choose(&store, 1, 0, "boris").await, LayoutChosen::Done);
    assert_eq!(choose(&store, 1, 0, "boris").await, LayoutChosen::Already);
    assert_eq!(current(&store).await, 1);
    let files = store.layout_files(LayoutNo(1)).await.expect("read");
    assert_eq!(files, Some(first.files));
    let beside = async |no, other| {
        let files = store.layout_files_beside(LayoutNo(no), LayoutNo(other));
        let files = files.await.expect("read").into_iter();
        let files = files.map(|file| (file.name, file.bytes, file.beside));
        files.collect::<Vec<_>>()
    };
    let of = |name: &str, bytes, beside| (name.to_owned(), bytes, beside);
    let (bill, texts) = ("bill.typ", "texts/bg.toml");
    assert_eq!(
        beside(1, 0).await,
        [of(bill, 3, Beside::New), of(texts, 0, Beside::New)]
    );
    assert_eq!(
        beside(0, 1).await,
        [of(bill, 3, Beside::Gone), of(texts, 0, Beside::Gone)]
    );
    assert_eq!(store.layout_files(LayoutNo(9)).await.expect("read"), None);

    let second = layout("two", "boris");
    store.bring_layout(&second).await.expect("kept");
    assert_eq!(
        beside(2, 1).await,
        [of(bill, 3, Beside::Changed), of(texts, 0, Beside::Same)]
    );
    assert_eq!(
        choose(&store, 2, 0, "ana").await,
        LayoutChosen::Outdated,
        "she has not seen that the first one counts"
    );
    assert_eq!(choose(&store, 2, 1, "ana").await, LayoutChosen::Done);
    // One press back, also by who brought it: two people have agreed on it just before.
    assert_eq!(choose(&store, 1, 2, "ana").await, LayoutChosen::Done);
    assert_eq!(choose(&store, 0, 1, "boris").await, LayoutChosen::Done);
    // No further: what was given up for a reason comes back by a second person only.
    let alone = choose(&store, 2, 0, "Boris").await;
    assert_eq!(alone, LayoutChosen::SamePerson);
    assert_eq!(store.layout_before().await.expect("a layout"), LayoutNo(1));
    let choices = store.layout_choices(9).await.expect("choices");
    let choices: Vec<_> = choices.iter().map(|one| one.layout.0).collect();
    assert_eq!(choices, [0, 1, 2, 1]);
    let counted = store.layouts_that_counted().await.expect("versions");
    assert_eq!(counted, [0, 1, 2].map(LayoutNo).into());
    let known = store.layouts().await.expect("versions");
    let known: Vec<_> = known.iter().map(|one| one.no.0).collect();
    assert_eq!(known, [2, 1]);
    let told = store.events("layout/1", 9).await.expect("a trail");
    let told: Vec<_> = told.iter().map(|event| event.what.as_str()).collect();
    assert_eq!(told, ["layout.chosen", "layout.chosen", "layout.brought"]);
}

pub(crate) async fn a_run_keeps_the_layout_of_its_release(store: Store) {
    let claimed = async |run: &str| {
        let run = run_id(run);
        let job = store.claim_chunk(Some(&run), "w", at(20), at(90)).await;
        job.expect("an answer").expect("a chunk").layout.no.0
    };
    let release = async |run: &str| {
        let done = store.release_run(&run_id(run), &release_by("boris")).await;
        done.expect("numbers");
    };
    for (run, first) in [("waiting", 1), ("before", 11), ("after", 21)] {
        checked_from(&store, run, first, 2, 2).await;
    }
    release("before").await;
    store
        .bring_layout(&layout("one", "ana"))
        .await
        .expect("kept");
    assert_eq!(choose(&store, 1, 0, "boris").await, LayoutChosen::Done);
    assert_eq!(claimed("before").await, 0);
    release("after").await;
    assert_eq!(choose(&store, 0, 1, "boris").await, LayoutChosen::Done);
    assert_eq!(claimed("before").await, 0);
    assert_eq!(claimed("after").await, 1, "as it was released");
    let of = |run: &str, layout| LayoutInUse {
        run: run_id(run),
        layout: LayoutNo(layout),
    };
    let mut in_use = store.layouts_in_use().await.expect("runs");
    in_use.sort_by_key(|one| one.layout);
    assert_eq!(in_use, [of("before", 0), of("after", 1)]);
    // Where its own fails on one of its bills, another person gives the rest of it the one that counts.
    let relaid = async |run: &str, by: &str| {
        let word = RelayRun {
            run: run_id(run),
            by: by.to_owned(),
            who: by.to_owned(),
            at: at(30),
            base: layout_base("one"),
            seen: LayoutNo(0),
        };
        store.relay_run(&word).await.expect("an answer")
    };
    assert_eq!(relaid("after", "Boris").await, Relaid::SamePerson);
    assert_eq!(relaid("waiting", "ana").await, Relaid::NotReleased);
    assert_eq!(relaid("before", "ana").await, Relaid::Already(LayoutNo(0)));
    let (before, layout) = (LayoutNo(1), LayoutNo(0));
    assert_eq!(
        relaid("after", "ana").await,
        Relaid::Done { before, layout }
    );
    let after = run_id("after");
    let job = store.claim_chunk(Some(&after), "w", at(99), at(120)).await;
    let job = job.expect("an answer").expect("its lease is over");
    assert_eq!(job.layout.no, layout);
    let told = store.events("run/after", 9).await.expect("a trail");
    assert!(told.iter().any(|event| event.what == "run.relaid"));
    let waiting = store.run(&run_id("waiting")).await.expect("read");
    assert_eq!(waiting.expect("a run").layout, None);
}

pub(crate) async fn a_layout_stands_on_the_files_of_its_program(store: Store) {
    let brought = async |program: &str| {
        let new = NewLayout {
            base: layout_base(program),
            ..layout("own", "ana")
        };
        store.bring_layout(&new).await.expect("an answer")
    };
    assert_eq!(brought("one").await, (LayoutNo(1), true));
    assert_eq!(brought("one").await, (LayoutNo(1), false));
    let other = brought("two").await;
    assert_eq!(other, (LayoutNo(2), true), "the same files look otherwise");
    let whole = async |of: RunLayout| store.whole_layout(of).await.expect("read");
    for (no, program) in [(1, "one"), (2, "two")] {
        let stands = StoredLayout {
            base: Some((*layout_base(program)).clone()),
            files: layout("own", "ana").files,
        };
        assert_eq!(whole(LayoutNo(no).into()).await, Some(stands));
    }
    assert_eq!(whole(LayoutNo(9).into()).await, None);

    // A run in the layout that comes with Kvit keeps that of the program that released it.
    for (run, first, program) in [
        ("old", 1, "three"),
        ("new", 11, "four"),
        ("as-old", 21, "three"),
    ] {
        checked_from(&store, run, first, 2, 2).await;
        let release = Release {
            base: layout_base(program),
            ..release_by("boris")
        };
        let released = store.release_run(&run_id(run), &release).await;
        released.expect("numbers");
    }
    let layout_of = async |run: &str| {
        let id = run_id(run);
        let claimed = store.claim_chunk(Some(&id), "w", at(20), at(90)).await;
        let job = claimed.expect("an answer").expect("a chunk");
        let record = store.run(&run_id(run)).await.expect("read");
        assert_eq!(record.expect("a run").layout, Some(job.layout));
        job.layout
    };
    let [old, new, as_old] = [
        layout_of("old").await,
        layout_of("new").await,
        layout_of("as-old").await,
    ];
    assert_eq!(old, as_old, "equal files are kept once");
    assert_eq!(old.base, Some(LayoutBaseNo(3)));
    for (of, program) in [(old, "three"), (new, "four")] {
        let base = whole(of).await.expect("files").base;
        assert_eq!(base, Some((*layout_base(program)).clone()));
        let hash = store.layout_base_hash(of.base.expect("a set")).await;
        assert_eq!(hash.expect("a hash"), layout_hash(&layout_base(program)));
    }
    // Given another layout by another person, it has that of the program at work then.
    let new = NewLayout {
        base: layout_base("five"),
        ..layout("own", "ana")
    };
    let (no, _) = store.bring_layout(&new).await.expect("kept");
    assert_eq!(choose(&store, no.0, 0, "boris").await, LayoutChosen::Done);
    let word = RelayRun {
        run: run_id("old"),
        by: "ana".to_owned(),
        who: "ana".to_owned(),
        at: at(30),
        base: layout_base("five"),
        seen: no,
    };
    let outdated = RelayRun {
        seen: LayoutNo(1),
        ..word.clone()
    };
    let outdated = store.relay_run(&outdated).await.expect("an answer");
    assert_eq!(outdated, Relaid::Outdated);
    let done = store.relay_run(&word).await.expect("an answer");
    let before = LayoutNo::BUILTIN;
    assert_eq!(done, Relaid::Done { before, layout: no });
    let record = store.run(&run_id("old")).await.expect("read");
    assert_eq!(record.expect("a run").layout, Some(no.into()));
}
