//! What the stages of a packet's way take, out of one count of the whole way.
//!
//! Most stages are inlined into each other, and what the compiler has made one function of differs from version to
//! version. So nothing is measured by itself: callgrind says how often each instruction was executed, the debug
//! information says which functions it was inlined into, and the innermost of these that is the door of a stage says
//! whose it is. What is not below any door in its own function belongs to whoever called that. The stages of a row
//! therefore add up to the row.

use super::callgrind::Profile;
use super::symbols::{self, Frame, Frames};
use crate::sh;
use anyhow::{Result, ensure};
use std::collections::{BTreeSet, HashMap};
use std::path::Path;

/// Stages in the order of a packet's way, and the functions by which they are entered: module and name.
pub const STAGES: &[(&str, &[(&str, &str)])] = &[
    (
        // Frames out of the burst, their Iface and its counters, from one stage to the next.
        "walk",
        &[
            ("", "process_burst"),
            ("fastpath", "pass_burst"),
            ("fastpath::run", ANY),
            ("pipeline", "receive"),
            ("pipeline", "arrive"),
            ("pipeline", "walk"),
            ("pipeline", "walk_sighted"),
            ("pipeline", "from"),
            ("pipeline", "pass_hooks"),
        ],
    ),
    ("parse", &[("parse", "arrived"), ("fastpath::sight", ANY)]),
    ("admission", &[("fib", "ends"), ("ingress", "admit")]),
    ("tracking", &[("pipeline", "look_up"), ("conntrack::known", ANY)]),
    ("prerouting", &[]),
    ("input", &[]),
    ("route", &[("forward", "lookup"), ("forward", "hop")]),
    ("forward", &[]),
    ("postrouting", &[]),
    ("nat", &[("nat", "snat")]),
    ("decision", &[("fastpath", "remember"), ("fastpath", "decide"), ("fastpath::decision", ANY)]),
    ("confirm", &[("pipeline", "confirm"), ("conntrack", "confirm")]),
    ("rewrite", &[("emit", "headers"), ("fastpath::rewriting", ANY)]),
    (
        "transmit",
        &[
            ("fastpath", "leave"),
            ("local", "send"),
            ("local", "deliver"),
            ("link", "resolve"),
            ("link", "transmit_to"),
            ("link", "launch_to"),
            ("neighbor", "at"),
            ("neighbor", "touch"),
            ("emit", "fit_link_header"),
        ],
    ),
    ("log", &[("log", "write"), ("chain::run", "log"), ("local", "send_log")]),
    ("refusal", &[("local", "refuse")]),
    ("expiry", &[("conntrack", "expire")]),
    (OTHER, &[("", "handle_timeout")]),
];

/// Every function of a module.
const ANY: &str = "*";

/// Stages inside of others, where these are several calls of one function, of which only one can have entered it: a
/// source is translated behind all others, and the bench has its rules, and their log lines, in the middle.
const INSIDE: &[(&str, &str)] = &[("nat", "postrouting"), ("log", "forward")];

/// The bench itself, and whatever no stage has claimed.
const OTHER: &str = "other";

/// Where a line of the walk runs a chain, it names the hook.
const SOURCES: &str = "crates/plane/src/";
const WALK: &str = "crates/plane/src/pipeline.rs";
const CHAIN: &str = "run_chain(";
const HOOKS: &[(&str, &str)] = &[
    ("Hook::Prerouting", "prerouting"),
    ("Hook::Input", "input"),
    ("Hook::Forward", "forward"),
    ("Hook::Postrouting", "postrouting"),
];

const COUNT: usize = STAGES.len();

/// Instructions by stage, as [`STAGES`] has them.
pub type Shares = [f64; COUNT];

/// Who wants to know whose an instruction is.
pub struct Stages<'a> {
    program: &'a Path,
    /// The source of the walk.
    walk: Vec<String>,
    other: usize,
}

impl<'a> Stages<'a> {
    pub fn of(program: &'a Path) -> Result<Self> {
        let walk = std::fs::read_to_string(sh::root().join(WALK))?.lines().map(str::to_owned).collect();
        Ok(Self { program, walk, other: position(OTHER).unwrap_or(COUNT - 1) })
    }

    /// What the program's own instructions belong to.
    pub fn shares(&self, profile: &Profile) -> Result<Shares> {
        let own = profile.functions.iter().filter(|function| function.is_own);
        let addresses =
            own.flat_map(|function| function.own.keys().copied().chain(function.calls.iter().map(|call| call.from)));
        let frames = symbols::frames(self.program, &addresses.collect::<BTreeSet<u64>>())?;
        ensure!(
            frames.values().flatten().any(|frame| frame.file.contains(SOURCES)),
            "{} has no debug information",
            self.program.display()
        );
        Ok(Attribution::new(profile, |address| self.stage(&frames, address), self.other).shares())
    }

    /// The stage of an address, if its own function says it.
    fn stage(&self, frames: &Frames, address: u64) -> Option<usize> {
        frames.get(&address)?.iter().find_map(|frame| self.hook(frame).or_else(|| entered(&frame.function)))
    }

    fn hook(&self, frame: &Frame) -> Option<usize> {
        let line = self.walk.get(frame.line.checked_sub(1)?).filter(|_| frame.file.ends_with(WALK))?;
        let (_, hook) = HOOKS.iter().find(|(name, _)| line.contains(CHAIN) && line.contains(name))?;
        position(hook)
    }
}

fn position(stage: &str) -> Option<usize> {
    STAGES.iter().position(|(name, _)| *name == stage)
}

/// The stage whose door this function is.
fn entered(function: &str) -> Option<usize> {
    let path = function.strip_prefix("saltgate_plane::")?;
    let (modules, name) = path.rsplit_once("::")?;
    let is = |&(module, door): &(&str, &str)| {
        let below = modules.strip_prefix(module);
        (name == door || door == ANY)
            && below.is_some_and(|rest| rest.is_empty() || rest.starts_with("::") || module.is_empty())
    };
    STAGES.iter().position(|(_, doors)| doors.iter().any(is))
}

/// Whose the instructions of functions are that do not say it themselves.
struct Attribution<'a> {
    profile: &'a Profile,
    /// Stage of each address that has one of its own.
    stages: HashMap<u64, usize>,
    other: usize,
}

/// Instructions of a function with those of what it calls, and what of them belongs to stages below it.
#[derive(Clone, Copy)]
struct Below {
    all: f64,
    nested: Shares,
}

/// A call of a function: what it took with all that is below, and whose it is.
#[derive(Clone, Copy)]
struct Entering {
    took: f64,
    whose: Shares,
}

impl<'a> Attribution<'a> {
    fn new(profile: &'a Profile, stage: impl Fn(u64) -> Option<usize>, other: usize) -> Self {
        let mut stages = HashMap::new();
        for function in profile.functions.iter().filter(|function| function.is_own) {
            for address in function.own.keys().copied().chain(function.calls.iter().map(|call| call.from)) {
                if let Some(stage) = stage(address) {
                    stages.insert(address, stage);
                }
            }
        }
        Self { profile, stages, other }
    }

    fn shares(&self) -> Shares {
        let order = self.callers_first();
        let mut below = vec![Below { all: 0.0, nested: [0.0; COUNT] }; self.profile.functions.len()];
        for &at in order.iter().rev() {
            below[at] = self.below(at, &below);
        }
        let mut entering: Vec<Vec<Entering>> = vec![Vec::new(); below.len()];
        let mut shares = [0.0; COUNT];
        for &at in &order {
            let function = &self.profile.functions[at];
            let inherited = self.inherited(&entering[at], &below[at].nested);
            let whose = |address: &u64| self.stages.get(address).map_or(inherited, |&stage| only(stage));
            for (address, count) in function.own.iter().filter(|_| function.is_own) {
                add(&mut shares, &whose(address), *count as f64);
            }
            for call in &function.calls {
                entering[call.callee].push(Entering { took: call.took as f64, whose: whose(&call.from) });
            }
        }
        shares
    }

    /// Functions, none before who calls it; what calls itself is taken as it comes.
    fn callers_first(&self) -> Vec<usize> {
        let functions = &self.profile.functions;
        let (mut order, mut seen) = (Vec::new(), vec![false; functions.len()]);
        for root in 0..functions.len() {
            let mut path = vec![(root, 0)];
            if std::mem::replace(&mut seen[root], true) {
                continue;
            }
            while let Some((at, next)) = path.last_mut() {
                match functions[*at].calls.get(*next) {
                    Some(call) => {
                        *next += 1;
                        if !std::mem::replace(&mut seen[call.callee], true) {
                            path.push((call.callee, 0));
                        }
                    }
                    None => {
                        order.push(*at);
                        path.pop();
                    }
                }
            }
        }
        order.reverse();
        order
    }

    fn below(&self, at: usize, known: &[Below]) -> Below {
        let function = &self.profile.functions[at];
        let mut sum = Below { all: 0.0, nested: [0.0; COUNT] };
        for (address, count) in &function.own {
            sum.all += *count as f64;
            if let Some(&stage) = self.stages.get(address) {
                sum.nested[stage] += *count as f64;
            }
        }
        for call in &function.calls {
            let took = call.took as f64;
            sum.all += took;
            match self.stages.get(&call.from) {
                Some(&stage) => sum.nested[stage] += took,
                None => {
                    let Below { all, nested } = &known[call.callee];
                    add(&mut sum.nested, nested, took / all.max(1.0));
                }
            }
        }
        sum
    }

    /// How callers share in what a function leaves to them. What a stage below it takes is of the calls for the stage that
    /// has that one inside, else of those for the dearest.
    fn inherited(&self, calls: &[Entering], nested: &Shares) -> Shares {
        let mut sum = [0.0; COUNT];
        calls.iter().for_each(|call| add(&mut sum, &call.whose, call.took));
        let dearest = (0..COUNT).max_by(|&a, &b| sum[a].total_cmp(&sum[b])).unwrap_or(self.other);
        let mut rest: Vec<f64> = calls.iter().map(|call| call.took).collect();
        for ((name, _), nested) in STAGES.iter().zip(nested) {
            let home = INSIDE.iter().find(|(inner, _)| inner == name).and_then(|(_, outer)| position(outer));
            let home = home.filter(|&home| sum[home] > 0.0).unwrap_or(dearest);
            for (rest, call) in rest.iter_mut().zip(calls) {
                *rest -= nested * call.took * call.whose[home] / sum[home].max(1.0);
            }
        }
        let mut left = [0.0; COUNT];
        calls.iter().zip(rest).for_each(|(call, rest)| add(&mut left, &call.whose, rest.max(0.0)));
        let sum: f64 = left.iter().sum();
        if sum > 0.0 { left.map(|part| part / sum) } else { only(self.other) }
    }
}

/// All of it is one stage's.
fn only(stage: usize) -> Shares {
    std::array::from_fn(|at| if at == stage { 1.0 } else { 0.0 })
}

fn add(to: &mut Shares, parts: &Shares, count: f64) {
    to.iter_mut().zip(parts).for_each(|(sum, part)| *sum += part * count);
}

#[cfg(test)]
mod tests {
    use super::super::callgrind::{Call, Function};
    use super::*;

    #[test]
    fn the_innermost_door_says_whose_an_instruction_is() {
        //  function                                    stage
        let table = [
            ("saltgate_plane::Plane::process_burst", Some("walk")),
            ("saltgate_plane::pipeline::::look_up", Some("tracking")),
            ("saltgate_plane::fastpath::sight::Sight::read4", Some("parse")),
            ("saltgate_plane::conntrack::known::Known::advance", Some("tracking")),
            ("saltgate_plane::chain::run::Run::look_up", None),
            ("saltgate_plane::conntrack::table::Table::find", None),
            ("saltgate_bench_plane::bed::Bed::run", None),
        ];
        for (function, stage) in table {
            assert_eq!(entered(function), stage.and_then(position), "{function}");
        }
    }

    /// The walk runs every chain on a line that names its hook.
    #[test]
    fn each_hook_is_named_where_its_chain_is_run() {
        let stages = Stages::of(Path::new("bench")).unwrap();
        for (hook, stage) in HOOKS {
            let line = stages.walk.iter().position(|line| line.contains(CHAIN) && line.contains(hook)).unwrap() + 1;
            let frame = Frame { function: String::new(), file: format!("/here/{WALK}"), line };
            assert_eq!(stages.hook(&frame), position(stage), "{hook}");
        }
    }

    #[test]
    fn what_has_no_door_is_its_callers_in_proportion_and_nothing_is_lost() {
        let [walk, forward, postrouting, nat] = ["walk", "forward", "postrouting", "nat"].map(|s| position(s).unwrap());
        let call = |from, callee, took| Call { from, callee, took };
        let function = |own: &[(u64, u64)], calls: &[Call]| Function {
            is_own: true,
            own: own.iter().copied().collect(),
            calls: calls.to_vec(),
        };
        // The walk runs two chains; the cheaper of them translates, for 600 of its 700.
        let profile = Profile {
            functions: vec![
                function(&[(1, 50)], &[call(2, 1, 900), call(3, 1, 700)]),
                function(&[], &[call(9, 4, 1600)]),
                function(&[(20, 960)], &[]),
                function(&[(30, 600)], &[]),
                function(&[(10, 40)], &[call(11, 2, 960), call(12, 3, 600)]),
            ],
        };
        let stages = [(1, walk), (2, forward), (3, postrouting), (30, nat)];
        let stage = |address| stages.iter().find(|(known, _)| *known == address).map(|(_, stage)| *stage);
        let shares = Attribution::new(&profile, stage, COUNT - 1).shares();
        let mut expected = [0.0; COUNT];
        for (stage, count) in [(walk, 50.0), (forward, 900.0), (postrouting, 100.0), (nat, 600.0)] {
            expected[stage] = count;
        }
        assert_eq!(shares.map(f64::round), expected);
        assert_eq!(shares.iter().sum::<f64>().round(), profile.own() as f64);
    }
}
