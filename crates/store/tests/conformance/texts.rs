//! Texts: kept whole, made to count by a second person, taken back by one press.

use kvit_store::{ChooseTexts, NewTexts, Store, TextsChosen};

use super::world::at;

fn texts(greeting: &str, by: &str) -> NewTexts {
    let texts = [("mail/bg/greeting", greeting)];
    NewTexts {
        texts: texts
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .into(),
        by: by.to_owned(),
        who: by.to_owned(),
        at: at(1),
    }
}

async fn choose(store: &Store, version: u32, seen: u32, by: &str) -> TextsChosen {
    let word = ChooseTexts {
        version,
        seen,
        by: by.to_owned(),
        who: format!("console:{by}"),
        at: at(i64::from(version) + 10),
    };
    store.choose_texts(&word).await.expect("an answer")
}

pub(crate) async fn texts_count_by_a_second_person_s_word(store: Store) {
    let current = async || store.current_texts().await.expect("a version");
    let bring = async |new: NewTexts| store.bring_texts(&new).await.expect("an answer");
    assert_eq!(current().await, 0);
    let none = NewTexts {
        texts: Default::default(),
        ..texts("", "ana")
    };
    assert_eq!(
        bring(none).await,
        (0, false),
        "nothing is the program's own"
    );
    assert_eq!(bring(texts("Добър ден!", "Ana")).await, (1, true));
    assert_eq!(bring(texts("Добър ден!", "boris")).await, (1, false));
    assert_eq!(current().await, 0, "brought is not chosen");
    assert_eq!(choose(&store, 1, 0, "ana").await, TextsChosen::SamePerson);
    assert_eq!(choose(&store, 2, 0, "boris").await, TextsChosen::Unknown);
    assert_eq!(choose(&store, 1, 0, "boris").await, TextsChosen::Done);
    assert_eq!(choose(&store, 1, 0, "boris").await, TextsChosen::Already);
    let kept = store.text_version(1).await.expect("read").expect("kept");
    assert_eq!(kept.texts, texts("Добър ден!", "").texts);
    assert!(store.text_version(9).await.expect("read").is_none());

    assert_eq!(bring(texts("Здравей!", "boris")).await, (2, true));
    assert_eq!(choose(&store, 2, 0, "ana").await, TextsChosen::Outdated);
    assert_eq!(choose(&store, 2, 1, "ana").await, TextsChosen::Done);
    // One step back by who brought it: two people agreed on it just before. No further.
    assert_eq!(choose(&store, 1, 2, "ana").await, TextsChosen::Done);
    assert_eq!(store.texts_before().await.expect("a version"), 2);
    assert_eq!(choose(&store, 0, 1, "boris").await, TextsChosen::Done);
    assert_eq!(choose(&store, 2, 0, "Boris").await, TextsChosen::SamePerson);
    let choices = store.text_choices(9).await.expect("choices");
    let choices: Vec<_> = choices.iter().map(|one| one.version).collect();
    assert_eq!(choices, [0, 1, 2, 1]);
    let known = store.text_versions().await.expect("versions");
    assert_eq!(known.iter().map(|one| one.no).collect::<Vec<_>>(), [2, 1]);
    let told = store.events("texts/1", 9).await.expect("a trail");
    let told: Vec<_> = told.iter().map(|event| event.what.as_str()).collect();
    assert_eq!(told, ["texts.chosen", "texts.chosen", "texts.brought"]);
}
