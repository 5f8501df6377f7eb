//! The project's chores, in Rust rather than shell: `cargo xtask test` is what CI runs.
//!
//! Exit status: 0 all good, 1 a check failed, 2 it could not be done.

#![forbid(unsafe_code)]

mod bench;
mod demo;
mod docs;
mod elf;
mod fuzz;
mod gate;
mod image;
mod oracle;
mod packages;
mod sh;
mod test;

use anyhow::{Result, bail};
use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask COMMAND

  demo [MACHINE]           boot the unikernel with examples/seed.nacl between real hosts and show what it does;
                           MACHINE is pc (default), q35 or microvm
  test [STEP…]             every check, or only these: format lint image unit gate oracle vm demo
  docs [--check]           write the tables of the manual from those of the compiler; --check: are they up to date?
  image                    build the unikernel, check it, and build `saltgate` with it inside
  bench [WHAT…]            the numbers of docs/performance.md, each in turn with its rivals
  bench vm [PART…]         ours beside Linux and beside guests that judge nothing: packets bulk connections
                           roundtrip idle resident boot memory; --quick, --rounds N
  bench rules [COUNT…]     so many rules that miss, each packet a flow of its own, beside nftables and iptables, on
                           this machine and in virtual ones; `native` and `machines` are one of both
  bench plane [ROW…]       time of a packet in the plane alone, and its instructions by stage
  bench flows [COUNT…]     so many connections: memory, time, churn, and two routers on two threads
  bench routes | drivers   finding a route; frames from one NIC to another without a router
  bench compile [KIND…]    time and memory of the compiler for 100 to 100,000 rules of several kinds
  bench gate [--bless]     instructions per packet against benches/instructions.txt; --bless writes them there
  oracle [PAIRS] [--seed S] [--show N]
                           compare our router with Linux and the exported ruleset, packet by packet: the stories, then so
                           many pairs, and conversations, on random policies (default: 2000); show so many differences
  bench paste              puts the newest tables into docs/performance.md
  fuzz [MINUTES] [TARGET]  fuzz every target, or one, so many minutes each (default: 1)

Options: --no-install never installs packages; what needs missing ones is skipped, and says so.";

fn main() -> ExitCode {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let install = !take_flag(&mut args, "--no-install");
    let (command, rest) = args.split_first().map_or(("", &[][..]), |(command, rest)| (command.as_str(), rest));
    match dispatch(command, rest, install) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn dispatch(command: &str, rest: &[String], install: bool) -> Result<bool> {
    match command {
        "bench" => bench::run(rest, install),
        "demo" => demo::run(rest, install),
        "docs" => docs::run(rest),
        "test" => test::run(rest, install),
        "fuzz" => fuzz::run(rest),
        "oracle" => oracle::run(rest, install),
        "image" => image::build_all().map(|_| true),
        "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(true)
        }
        "" => bail!("which command?\n\n{USAGE}"),
        other => bail!("no such command: {other}\n\n{USAGE}"),
    }
}

fn take_flag(args: &mut Vec<String>, flag: &str) -> bool {
    let before = args.len();
    args.retain(|arg| arg != flag);
    args.len() < before
}
