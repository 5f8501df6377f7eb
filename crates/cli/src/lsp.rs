//! `saltgate lsp`: a language server for editors, on standard input and output.
//!
//! What is known about a text comes from the `ide` crate; here is the protocol (LSP 3.17) and nothing else: `server`
//! reads and answers messages, `document` keeps the open files, `lines` counts in the client's units, `convert` says
//! our answers in the protocol's types.

mod convert;
mod document;
mod lines;
mod server;

use crate::Answer;
use anyhow::{Context, Result};
use lsp_server::Connection;

/// Run a language server on standard input and output, for editors
#[derive(clap::Args)]
pub struct Args {
    /// Many editors pass it; there is no other way to be talked to
    #[arg(long)]
    stdio: bool,
}

pub fn run(_args: &Args) -> Result<Answer> {
    let (connection, threads) = Connection::stdio();
    let answer = server::serve(&connection)?;
    // The thread that writes ends when nobody can send any more.
    drop(connection);
    threads.join().context("cannot talk to the editor")?;
    Ok(answer)
}
