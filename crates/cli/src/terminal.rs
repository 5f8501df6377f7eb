//! Standard output: colours for terminals only, and a reader that goes away is no error.

use anyhow::{Context, Result};
use nacl::{Diagnostic, Source};
use serde::Serialize;
use std::io::{ErrorKind, IsTerminal, Write};

/// True on a terminal that has not been asked to be plain (<https://no-color.org>).
pub fn stdout_is_coloured() -> bool {
    is_coloured(&std::io::stdout())
}

/// As [`stdout_is_coloured`].
pub fn stderr_is_coloured() -> bool {
    is_coloured(&std::io::stderr())
}

fn is_coloured(stream: &impl IsTerminal) -> bool {
    let plain = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    stream.is_terminal() && !plain("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Prints as it is.
pub fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other.context("cannot write to standard output"),
    }
}

/// Prints one JSON document, indented.
pub fn print_json(document: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(document).context("cannot write JSON")?;
    print(&(text + "\n"))
}

/// A compiler's diagnostic with its excerpt.
pub fn render(source: &Source, diagnostic: &Diagnostic, coloured: bool) -> String {
    if coloured {
        nacl::diagnostic::render_coloured(source, diagnostic)
    } else {
        nacl::diagnostic::render(source, diagnostic)
    }
}
