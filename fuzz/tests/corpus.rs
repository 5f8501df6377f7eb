//! Every input that is kept runs through its target.

use std::path::Path;

fn replay(target: &str, run: fn(&[u8])) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let mut inputs = 0;
    for entry in std::fs::read_dir(dir).expect("a corpus") {
        let path = entry.expect("a file of the corpus").path();
        let input = std::fs::read(&path).expect("a file of the corpus");
        println!("{}", path.display());
        run(&input);
        inputs += 1;
    }
    assert!(inputs > 0, "the corpus of {target} is empty");
}

#[test]
fn frames_of_the_corpus_are_forwarded_answered_or_counted() {
    replay("frame", saltgate_fuzz::frame::run);
}

#[test]
fn changed_examples_of_the_corpus_are_survived() {
    replay("nacl_structure", saltgate_fuzz::nacl_structure::run);
}

#[test]
fn texts_of_the_corpus_get_diagnostics_or_a_policy() {
    replay("nacl_text", saltgate_fuzz::nacl_text::run);
}

#[test]
fn devices_of_the_corpus_are_served_or_taken_down() {
    replay("ring_device", saltgate_fuzz::ring_device::run);
}

#[test]
fn operations_of_the_corpus_break_no_promise() {
    replay("operations", saltgate_fuzz::operations::run);
}
