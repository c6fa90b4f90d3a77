//! `docs/run-file.schema.json` is what the types say. `KVIT_BLESS=1` writes it anew.

use std::{env, fs, path::Path};

#[test]
fn the_schema_in_the_docs_is_that_of_the_types() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/run-file.schema.json");
    let mut wanted = serde_json::to_string_pretty(&kvit_intake::schema()).expect("JSON");
    wanted.push('\n');
    if env::var_os("KVIT_BLESS").is_some() {
        fs::write(&path, &wanted).expect("written");
    }
    let kept = fs::read_to_string(&path).expect("the schema in the docs");
    assert!(
        kept == wanted,
        "the types have changed: run the test with KVIT_BLESS=1 and read the difference"
    );
}
