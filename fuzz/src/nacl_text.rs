//! Any bytes as a configuration: diagnostics, never a panic, and no policy beside an error.

use nacl::Source;

pub fn run(data: &[u8]) {
    let source = Source::from_bytes("fuzz.nacl", data);
    let compiled = nacl::compile(&source);
    for diagnostic in &compiled.diagnostics {
        assert!(!nacl::diagnostic::render(&source, diagnostic).is_empty());
    }
    assert_eq!(compiled.policy.is_none(), compiled.has_errors(), "a policy if and only if there is no error");
}
