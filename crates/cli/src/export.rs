//! `saltgate export`: a policy in the words of another firewall.

use crate::{Answer, Format, terminal};
use anyhow::{Context, Result};
use nacl::Source;
use serde::Serialize;
use std::path::PathBuf;

/// Render a configuration in the words of another firewall, and say what it has no words for
#[derive(clap::Args)]
pub struct Args {
    /// The other firewall
    #[arg(value_enum)]
    target: Target,
    /// The NaCl file
    #[arg(value_name = "FILE")]
    config: PathBuf,
    /// Anything that cannot be expressed makes the answer "no"
    #[arg(long)]
    strict: bool,
    /// How to print the answer
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Target {
    /// A ruleset for `nft -f`
    Nftables,
}

#[derive(Serialize)]
struct Report<'a> {
    version: u32,
    file: &'a str,
    ruleset: &'a str,
    commands: &'a [String],
    losses: Vec<LossReport<'a>>,
}

#[derive(Serialize)]
struct LossReport<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u32>,
    text: &'a str,
}

pub fn run(args: &Args) -> Result<Answer> {
    let bytes = std::fs::read(&args.config).with_context(|| format!("cannot read {}", args.config.display()))?;
    let source = Source::from_bytes(args.config.display().to_string(), &bytes);
    let compiled = nacl::compile(&source);
    let Some(policy) = compiled.policy else {
        for found in compiled.diagnostics.iter().filter(|found| found.severity == nacl::Severity::Error) {
            eprintln!("{}", nacl::diagnostic::render(&source, found));
        }
        return Ok(Answer::No);
    };
    let export = match args.target {
        Target::Nftables => export::nftables(&policy),
    };
    match args.format {
        Format::Text => {
            terminal::print(&export.ruleset)?;
            for loss in &export.losses {
                eprintln!("{}:{}{loss}", source.name(), if loss.place.line == 0 { " " } else { "" });
            }
        }
        Format::Json => {
            let loss = |loss: &'_ export::Loss| (loss.place.line != 0).then_some(loss.place);
            let losses = export.losses.iter().map(|found| LossReport {
                line: loss(found).map(|place| place.line),
                column: loss(found).map(|place| place.column),
                text: &found.text,
            });
            terminal::print_json(&Report {
                version: 1,
                file: source.name(),
                ruleset: &export.ruleset,
                commands: &export.commands,
                losses: losses.collect(),
            })?;
        }
    }
    Ok(if args.strict && !export.losses.is_empty() { Answer::No } else { Answer::Yes })
}
