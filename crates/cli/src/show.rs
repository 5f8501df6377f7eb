//! `saltgate show`: what a configuration comes to once every name is resolved and every default is in its place.
//!
//! [`model`] is the answer as data, and its serde form the JSON document; [`read`] fills it from the policy, [`text`]
//! prints it for people. A function's program is turned back into statements by [`function`].

mod function;
mod model;
mod read;
mod text;
mod value;

use crate::{Answer, Format, terminal};
use anyhow::{Context, Result};
use nacl::{Severity, Source};
use std::path::PathBuf;

/// Show the effective configuration: interfaces, routes, chains with constants resolved, limits
#[derive(clap::Args)]
pub struct Args {
    /// The NaCl file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// How to print it
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub fn run(args: &Args) -> Result<Answer> {
    let bytes = std::fs::read(&args.file).with_context(|| format!("cannot read {}", args.file.display()))?;
    let source = Source::from_bytes(args.file.display().to_string(), &bytes);
    let compiled = nacl::compile(&source);
    let Some(policy) = compiled.policy else {
        // Standard output is for what is shown.
        for error in compiled.diagnostics.iter().filter(|found| found.severity == Severity::Error) {
            eprintln!("{}", terminal::render(&source, error, terminal::stderr_is_coloured()));
        }
        return Ok(Answer::No);
    };
    let shown = read::shown(&policy);
    match args.format {
        Format::Text => terminal::print(&text::text(&shown))?,
        Format::Json => terminal::print_json(&shown)?,
    }
    Ok(Answer::Yes)
}
