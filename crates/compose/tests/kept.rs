//! Forms that an earlier composer made: found, and as good as new; never those of another program.

#[allow(dead_code)]
mod common;

use std::{fs, path::Path};

use jiff::civil::date;
use kvit_billing::{Bill, Language};
use kvit_compose::{Composer, Counts, Layout};
use kvit_synth::Synth;

/// The last of so many bills of one shape.
fn composed(folder: &Path, program: &str, bills: usize) -> (Vec<u8>, Counts) {
    let composer: Composer = common::composer().with_forms_kept_in(folder, program);
    let mut last = Vec::new();
    for at in (0..bills).rev() {
        last = composer.compose(&bill(at)).expect("composed").bytes;
    }
    (last, composer.counts())
}

fn bill(at: usize) -> Bill {
    let mut bill = common::bill(3, Language::Bg);
    bill.customer.name = ["Мария Иванова", "Иван Петров", "Ана Попова"][at].to_owned();
    bill
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder");
    entries
        .map(|entry| entry.expect("an entry").path())
        .collect()
}

#[test]
fn a_form_outlives_its_process_and_no_other_program_takes_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (made, counts) = composed(folder.path(), "one", 3);
    assert_eq!((counts.whole, counts.forms, counts.found), (1, 1, 0));
    let (found, counts) = composed(folder.path(), "one", 1);
    assert_eq!((counts.whole, counts.forms, counts.found), (0, 0, 1));
    assert!(made == found, "the same bytes");

    // A torn file is as none, and the form made anew takes its place.
    let [file] = files(folder.path()).try_into().expect("one form");
    let bytes = fs::read(&file).expect("a form");
    fs::write(&file, &bytes[..bytes.len() - 9]).expect("written");
    let (made, counts) = composed(folder.path(), "one", 3);
    assert_eq!((counts.forms, counts.found), (1, 0));
    assert!(made == found && fs::read(&file).expect("a form") == bytes);

    // The same bill again proves nothing, in this process or the next; another one does.
    fs::remove_file(&file).expect("removed");
    let kept = |bills: [usize; 3]| {
        let composer = common::composer().with_forms_kept_in(folder.path(), "one");
        for at in bills {
            composer.compose(&bill(at)).expect("composed");
        }
        fs::read(&file).expect("a form")
    };
    let unproven = kept([0, 0, 0]);
    assert!(kept([0, 0, 0]) == unproven);
    let proven = kept([0, 1, 1]);
    assert!(proven != unproven && kept([2, 2, 2]) == proven);

    // A process died while it wrote one.
    fs::write(file.with_extension("1.part"), b"half").expect("written");
    let (_, counts) = composed(folder.path(), "two", 1);
    assert_eq!((counts.whole, counts.found), (1, 0));
    assert!(files(folder.path()).is_empty(), "nobody else's are left");
}

#[test]
fn a_seal_of_another_length_finds_the_same_forms() {
    let folder = tempfile::tempdir().expect("a folder");
    composed(folder.path(), "one", 3);
    let kept = files(folder.path());
    // As who looks at a sample makes one.
    let other = common::composer_of(Layout::builtin(), common::RESERVE / 2);
    let other = other.with_forms_kept_in(folder.path(), "one");
    let bill = bill(0);
    other.sample(&bill).expect("composed");
    assert_eq!(files(folder.path()), kept);
    let room = other.compose(&bill).expect("composed").slot.contents.len();
    assert_eq!((other.counts().found, room), (1, common::RESERVE + 2));
    let (_, counts) = composed(folder.path(), "one", 1);
    assert_eq!((counts.whole, counts.found), (0, 1));
}

#[test]
fn next_months_bill_has_the_shape_of_this_months() {
    let composer = common::composer();
    let synth = Synth::new(7, 1_000);
    let shape = |month: i8| {
        let bill = common::of(synth.order(3, date(2026, month, 1)), Language::Bg);
        composer.shape(&bill).expect("composed")
    };
    let october = shape(10);
    for month in [1, 2, 5, 11, 12] {
        let other = shape(month);
        let mut both = october.char_indices().zip(other.chars());
        let odd = both.find(|((_, ours), theirs)| ours != theirs);
        let at = odd.map_or(0, |((at, _), _)| at);
        assert!(october == other, "{month}: {:?}", october.get(at..));
    }
}
