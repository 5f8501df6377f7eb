//! The language, told in Markdown: prose, and files of NaCl that are the tests.
//!
//! A block marked `nacl` is a whole file. A comment `# error: [code]`, `# warning: [code]` or `# note: [code]` says
//! what is reported at its line; several codes may follow. Everything that is reported must be said and the reverse,
//! except what a fragment cannot help ([`FRAGMENTARY`]).

use saltgate_nacl::{Code, Severity, Source, analyze, diagnostic::render};
use std::collections::BTreeSet;
use std::path::Path;

/// Reported of nearly every fragment; need not be said.
const FRAGMENTARY: &[Code] = &[Code::UnusedConstant, Code::UnusedFunction, Code::UnroutedIface, Code::ReversePathUnset];

/// Line of the block, severity and code.
type Finding = (u32, &'static str, &'static str);

/// What the comments of a block say; an unknown code or word fails the test.
fn said(block: &str) -> BTreeSet<Finding> {
    let mut findings = BTreeSet::new();
    for (line, text) in (1..).zip(block.lines()) {
        for severity in ["error", "warning", "note"] {
            let Some((_, codes)) = text.split_once(&format!("# {severity}: [")) else { continue };
            let codes = codes.split('#').next().unwrap_or_default();
            for code in codes.split('[').filter_map(|piece| piece.split_once(']')).map(|(code, _)| code) {
                let known = Code::from_name(code).unwrap_or_else(|| panic!("no code is called {code}"));
                findings.insert((line, severity, known.name()));
            }
        }
    }
    findings
}

#[test]
fn the_language_is_what_its_pages_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut pages: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    pages.sort();
    assert!(!pages.is_empty());
    let (mut blocks, mut wrong) = (0, Vec::new());
    for page in pages {
        let name = page.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&page).unwrap();
        let mut rest = text.as_str();
        while let Some(start) = rest.find("```nacl\n") {
            let line = text[..text.len() - rest.len() + start].lines().count() + 1;
            rest = &rest[start + "```nacl\n".len()..];
            let end = rest.find("```").unwrap_or_else(|| panic!("{name}:{line}: the block is not closed"));
            let block = &rest[..end];
            rest = &rest[end + 3..];
            blocks += 1;
            let said = said(block);
            let source = Source::new(format!("{name}:{line}"), block);
            let compiled = analyze(&source);
            let found: BTreeSet<Finding> = compiled
                .diagnostics
                .iter()
                .map(|found| (source.place(found.span.start).line, found.severity.name(), found.code.name()))
                .filter(|finding| said.contains(finding) || !FRAGMENTARY.iter().any(|code| code.name() == finding.2))
                .collect();
            if found != said {
                let all: String = compiled.diagnostics.iter().map(|found| render(&source, found)).collect();
                let missing: Vec<_> = said.difference(&found).collect();
                let surplus: Vec<_> = found.difference(&said).collect();
                wrong.push(format!("{name}:{line}: not reported {missing:?}, not said {surplus:?}\n{all}"));
            }
            let errors = compiled.diagnostics.iter().any(|found| found.severity == Severity::Error);
            assert_eq!(compiled.policy.is_none(), errors, "{name}:{line}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("{blocks} blocks");
}
