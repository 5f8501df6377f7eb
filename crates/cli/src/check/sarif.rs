//! `--format sarif`: the Static Analysis Results Interchange Format 2.1.0 (OASIS), which code review tools read.
//!
//! One run; its rules are all codes that the compiler knows, so that a tool can show, switch and count them.

use super::Checked;
use nacl::{Code, Diagnostic, Severity, Source, Span};
use serde::Serialize;

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

#[derive(Serialize)]
pub struct Log {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    tool: Tool,
    column_kind: &'static str,
    invocations: [Invocation; 1],
    artifacts: Vec<Artifact>,
    results: Vec<Finding>,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    version: &'static str,
    information_uri: &'static str,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: &'static str,
    short_description: Text,
    help: Text,
    default_configuration: Configuration,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Artifact {
    location: ArtifactLocation,
    source_language: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Finding {
    rule_id: &'static str,
    rule_index: usize,
    level: &'static str,
    message: Text,
    locations: [Location; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<Location>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<usize>,
    physical_location: PhysicalLocation,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Text>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    region: Region,
}

#[derive(Serialize)]
struct ArtifactLocation {
    uri: String,
    /// Its position among the artifacts of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<usize>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u32,
    start_column: u32,
    end_line: u32,
    end_column: u32,
}

#[derive(Serialize)]
struct Text {
    text: String,
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self { text: text.to_owned() }
    }
}

pub fn log(files: &[Checked]) -> Log {
    let artifact = |file: &Checked| Artifact {
        location: ArtifactLocation { uri: uri(file.source.name()), index: None },
        source_language: "nacl",
    };
    let results = files.iter().enumerate().flat_map(|(at, file)| {
        file.compiled.diagnostics.iter().map(move |found| finding(&Place { source: &file.source, artifact: at }, found))
    });
    let driver = Driver {
        name: "saltgate",
        version: env!("CARGO_PKG_VERSION"),
        information_uri: env!("CARGO_PKG_REPOSITORY"),
        rules: Code::ALL.iter().map(|code| rule(*code)).collect(),
    };
    let run = Run {
        tool: Tool { driver },
        column_kind: "unicodeCodePoints",
        invocations: [Invocation { execution_successful: true }],
        artifacts: files.iter().map(artifact).collect(),
        results: results.collect(),
    };
    Log { schema: SCHEMA, version: "2.1.0", runs: [run] }
}

fn rule(code: Code) -> Rule {
    Rule {
        id: code.name(),
        short_description: code.title().into(),
        help: Text { text: format!("{}: run `saltgate check --explain {}`", code.title(), code.name()) },
        default_configuration: Configuration { level: level(code.severity()) },
    }
}

/// SARIF's word; ours is the same.
fn level(severity: Severity) -> &'static str {
    severity.name()
}

/// A file of the run.
struct Place<'a> {
    source: &'a Source,
    /// Its position among the artifacts.
    artifact: usize,
}

impl Place<'_> {
    fn location(&self, span: Span, message: Option<Text>, id: Option<usize>) -> Location {
        let (start, end) = (self.source.place(span.start), self.source.place(span.end));
        let region =
            Region { start_line: start.line, start_column: start.column, end_line: end.line, end_column: end.column };
        let artifact_location = ArtifactLocation { uri: uri(self.source.name()), index: Some(self.artifact) };
        Location { id, physical_location: PhysicalLocation { artifact_location, region }, message }
    }
}

fn finding(file: &Place<'_>, found: &Diagnostic) -> Finding {
    let text = match &found.help {
        Some(help) => format!("{}\nhelp: {help}", found.message),
        None => found.message.clone(),
    };
    let related = |(at, (span, message)): (usize, &(Span, String))| {
        file.location(*span, Some(Text { text: message.clone() }), Some(at + 1))
    };
    Finding {
        rule_id: found.code.name(),
        rule_index: Code::ALL.iter().position(|code| *code == found.code).unwrap_or_default(),
        level: level(found.severity),
        message: Text { text },
        locations: [file.location(found.span, None, None)],
        related_locations: found.related.iter().enumerate().map(related).collect(),
    }
}

/// A path as a URI reference (RFC 3986): relative paths stay relative, to the folder that the command ran in.
fn uri(path: &str) -> String {
    let mut uri = String::new();
    if path.starts_with('/') {
        uri.push_str("file://");
    } else if path.split('/').next().is_some_and(|segment| segment.contains(':')) {
        // The first segment would be read as a scheme (§4.2).
        uri.push_str("./");
    }
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => uri.push(char::from(byte)),
            b'-' | b'.' | b'_' | b'~' | b'/' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' => {
                uri.push(char::from(byte));
            }
            b';' | b'=' | b':' | b'@' => uri.push(char::from(byte)),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uri_references() {
        let table = [
            ("seed.nacl", "seed.nacl"),
            ("../a b/100%.nacl", "../a%20b/100%25.nacl"),
            ("/etc/é.nacl", "file:///etc/%C3%A9.nacl"),
            ("c:x/y.nacl", "./c:x/y.nacl"),
            ("a?b#c[1].nacl", "a%3Fb%23c%5B1%5D.nacl"),
        ];
        for (path, expected) in table {
            assert_eq!(uri(path), expected);
        }
    }
}
