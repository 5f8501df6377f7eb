//! Any bytes as a configuration: diagnostics, never a panic, and no policy beside an error.

use nacl::Source;

pub fn run(data: &[u8]) {
    let source = Source::from_bytes("fuzz.nacl", data);
    let compiled = nacl::analyze(&source);
    for diagnostic in &compiled.diagnostics {
        assert!(!nacl::diagnostic::render(&source, diagnostic).is_empty());
    }
    assert_eq!(compiled.policy.is_none(), compiled.has_errors(), "a policy if and only if there is no error");
    let plain = nacl::compile(&source);
    let sizes = |compiled: nacl::Compiled| compiled.policy.map(|policy| policy.functions.len());
    assert_eq!(sizes(plain), sizes(compiled), "the policy does not depend on what else is said");
}
