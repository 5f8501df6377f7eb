//! A story's file: read, compiled, played.

use crate::parse;
use crate::run::{Played, play_with};
use crate::script::{Config, Story};
use crate::text::Diagnostic;
use nacl::Source;
use node::Settings;
use std::io;
use std::path::Path;

/// What came of a story's file.
#[derive(Debug)]
pub enum Tested {
    /// The story is none: its text, and what is wrong with it.
    Unreadable { text: String, mistakes: Vec<Diagnostic> },
    /// Its configuration has errors.
    BadConfig { source: Source, diagnostics: Vec<nacl::Diagnostic> },
    /// It was played; it passed if there are no failures.
    Played { text: String, played: Played },
}

impl Tested {
    pub fn passed(&self) -> bool {
        matches!(self, Self::Played { played, .. } if played.failures.is_empty())
    }
}

/// Tests the story in the file `path`, which is also its name. Configuration files are looked for beside it.
pub fn test(path: &Path) -> io::Result<Tested> {
    test_with(path, &sim::Net::settings())
}

/// As [`test()`], on a router with other settings.
pub fn test_with(path: &Path, settings: &Settings) -> io::Result<Tested> {
    let text = String::from_utf8_lossy(&std::fs::read(path)?).into_owned();
    let story = match parse(&path.display().to_string(), &text) {
        Ok(story) => story,
        Err(mistakes) => return Ok(Tested::Unreadable { text, mistakes }),
    };
    let source = match source(&story, path.parent().unwrap_or(Path::new("."))) {
        Ok(source) => source,
        Err(mistake) => return Ok(Tested::Unreadable { text, mistakes: vec![mistake] }),
    };
    let compiled = nacl::compile(&source);
    Ok(match compiled.policy {
        Some(policy) => Tested::Played { text, played: play_with(&story, policy, &source, settings) },
        None => Tested::BadConfig { source, diagnostics: compiled.diagnostics },
    })
}

/// The configuration as one text. Its places are those of the file where there is one file and nothing else, and those
/// of the story where the whole text stands there.
pub fn source(story: &Story, folder: &Path) -> Result<Source, Diagnostic> {
    if let [Config::Inline { text, line, .. }] = &story.config[..] {
        let above = "\n".repeat((*line as usize).saturating_sub(1));
        return Ok(Source::new(&story.name[..], above + text));
    }
    let mut whole = String::new();
    let mut name = None;
    for part in &story.config {
        match part {
            Config::Inline { text, .. } => whole.push_str(text),
            Config::File { path, span } => {
                let path = folder.join(path);
                let bytes = std::fs::read(&path)
                    .map_err(|error| Diagnostic::new(*span, format!("cannot read {}: {error}", path.display())))?;
                whole.push_str(&String::from_utf8_lossy(&bytes));
                name.get_or_insert(path.display().to_string());
            }
        }
        if !whole.ends_with('\n') {
            whole.push('\n');
        }
    }
    Ok(Source::new(name.unwrap_or_else(|| story.name.clone()), whole))
}
