//! `saltgate`: the command of an operator. One module per subcommand; each has its `Args` and a `run`.
//!
//! Exit status everywhere: 0 good, 1 the answer is "no" (errors in the file, a failing story), 2 it could not be
//! done (no such file, a wrong option).

#![forbid(unsafe_code)]

mod check;
mod export;
mod fmt;
mod lsp;
mod run;
mod show;
mod terminal;
mod test;
mod trace;

use clap::Parser;
use std::process::ExitCode;

/// A firewall, router and NAT that is its own operating system, configured by one NaCl file.
#[derive(Parser)]
#[command(name = "saltgate", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Check(check::Args),
    Export(export::Args),
    Fmt(fmt::Args),
    Lsp(lsp::Args),
    Run(run::Args),
    Show(show::Args),
    Test(test::Args),
    Trace(trace::Args),
}

/// What a subcommand found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Exit status 0.
    Yes,
    /// Exit status 1.
    No,
}

/// How an answer is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON document on standard output.
    Json,
}

fn main() -> ExitCode {
    let answer = match Cli::parse().command {
        Command::Check(args) => check::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Fmt(args) => fmt::run(&args),
        Command::Lsp(args) => lsp::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Show(args) => show::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Trace(args) => trace::run(&args),
    };
    match answer {
        Ok(Answer::Yes) => ExitCode::SUCCESS,
        Ok(Answer::No) => ExitCode::from(1),
        Err(error) => {
            eprintln!("saltgate: {error:#}");
            ExitCode::from(2)
        }
    }
}
