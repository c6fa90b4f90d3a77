//! The tests in one program: it links nearly all of Kvit, and what waits in one leaves its processor to others. So none
//! may lean on the process being its own.

mod debits;
mod deliver;
mod faulty_runs;
mod holders;
mod issue;
mod layouts;
mod ordered;
mod poll;
mod remind;
mod samples;
mod scans;
mod statement;
mod sweep;
mod tell;
mod world;

#[test]
fn no_file_is_left_out() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests");
    for entry in std::fs::read_dir(folder).expect("the tests") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().and_then(|name| name.to_str());
        let named = format!("mod {};\n", name.expect("a name"));
        let is_file = path.extension().is_some_and(|rs| rs == "rs") && !path.ends_with("all.rs");
        assert!(
            !is_file || include_str!("all.rs").contains(&named),
            "{named}"
        );
    }
}
