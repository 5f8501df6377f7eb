//! The programs of a policy in the form in which they are run fastest: decoded, or as tables.

use super::depends::{Alike, Dependencies};
use alloc::vec;
use alloc::vec::Vec;
use classifier::{Classifier, Compact, Cost, Level};
use policy::{Function, FunctionId, FunctionKind, Hook, Policy, Program, Step, StepId};
use wire::IfaceId;

/// A program of fewer steps is walked faster than looked up, …
const FEW_STEPS: usize = 12;
/// … and so is one whose longest way is not worth its tables: what a line of them costs, and a look-up before the first
/// line, in tests of a decoded program.
const LINE: usize = 3;
const LOOK_UP: usize = 12;
/// A program of fewer steps can be walked for a while, until there is time to decode it or to make its tables.
const URGENT_STEPS: usize = 64;
/// Longer ones are not decoded.
const MOST_STEPS: usize = 1_024;

/// How are programs run? What they do is the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lookup {
    /// Step by step, as they are.
    Never,
    /// Short ones decoded, looked up in tables those for which that pays.
    #[default]
    WhereFaster,
    /// Decoded where they are not too long, and never looked up.
    Decoded,
    /// Looked up, whatever it costs.
    Always,
}

/// What running a function costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleCost {
    /// Steps of its program.
    pub steps: usize,
    /// The most of them that a packet can be made to go through; with tables, what [`Cost::worst_steps`] says.
    pub worst_steps: usize,
    /// `None`: it is walked.
    pub tables: Option<Cost>,
}

/// What running each function of a policy costs: its tables are made for the answer.
pub fn rule_costs(policy: &Policy) -> Vec<RuleCost> {
    costs(policy, &build(policy, Form::where_faster))
}

/// How programs are run, and what is known about them beforehand.
pub(crate) struct Tables {
    level: Level,
    functions: Vec<Form>,
    /// For each Iface its chains, and those of the Gateway.
    chains: Vec<Chains>,
    forward: Chain,
    /// Shorter programs are still to be decoded.
    pending: bool,
}

/// What a program is run by.
#[derive(Clone, Debug)]
pub(super) enum Form {
    Steps,
    Compact(Compact),
    Tables(Classifier),
}

/// The functions of a hook.
#[derive(Clone, Debug, Default)]
pub(super) struct Chain {
    pub members: Vec<Member>,
    /// Behind the last function, the Iface masquerades.
    pub masquerades: bool,
    /// Which packets of a flow it has one verdict about.
    alike: Alike,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    pub id: FunctionId,
    pub kind: FunctionKind,
    pub mentions_invalid: bool,
}

#[derive(Clone, Debug)]
struct Chains {
    prerouting: Chain,
    input: Chain,
    output: Chain,
    postrouting: Chain,
}

impl Tables {
    /// Makes the tables of the longer programs; the others wait for [`complete`](Self::complete).
    pub fn new(policy: &Policy) -> Self {
        let functions =
            build(policy, |program| if is_short(program) { Form::Steps } else { Form::where_faster(program) });
        let pending = policy.functions.iter().any(|function| is_short(&function.program));
        let depends = Dependencies::new(policy);
        let chain = |hook, id| Chain::of(policy, hook, id, &depends);
        let chains = policy.iface_ids().map(|id| Chains {
            prerouting: chain(Hook::Prerouting, id),
            input: chain(Hook::Input, id),
            output: chain(Hook::Output, id),
            postrouting: chain(Hook::Postrouting, id),
        });
        Self {
            level: Level::detect(),
            functions,
            chains: chains.collect(),
            forward: chain(Hook::Forward, IfaceId(0)),
            pending,
        }
    }

    /// Makes and forgets tables as asked for.
    pub fn set_lookup(&mut self, policy: &Policy, lookup: Lookup) {
        self.pending = false;
        self.functions = build(policy, |program| match lookup {
            Lookup::Never => Form::Steps,
            Lookup::WhereFaster => Form::where_faster(program),
            Lookup::Decoded => compact(program).map_or(Form::Steps, Form::Compact),
            Lookup::Always => Form::Tables(Classifier::new(program)),
        });
    }

    /// Makes what has waited.
    pub fn complete(&mut self, policy: &Policy) {
        if !core::mem::take(&mut self.pending) {
            return;
        }
        for (form, function) in self.functions.iter_mut().zip(&policy.functions) {
            if is_short(&function.program) {
                *form = Form::where_faster(&function.program);
            }
        }
    }

    pub fn set_level(&mut self, level: Level) {
        self.level = level;
    }

    #[inline]
    pub fn level(&self) -> Level {
        self.level
    }

    pub fn costs(&self, policy: &Policy) -> Vec<RuleCost> {
        costs(policy, &self.functions)
    }

    /// What a function is run by.
    #[inline]
    pub(super) fn form(&self, id: FunctionId) -> &Form {
        self.functions.get(usize::from(id.0)).unwrap_or(&Form::Steps)
    }

    /// The functions of a hook: of the Gateway for `Forward`, else of `iface`.
    #[inline]
    pub(super) fn chain(&self, hook: Hook, iface: IfaceId) -> Option<&Chain> {
        if hook == Hook::Forward {
            return Some(&self.forward);
        }
        let chains = self.chains.get(usize::from(iface.0))?;
        Some(match hook {
            Hook::Prerouting => &chains.prerouting,
            Hook::Input => &chains.input,
            Hook::Output => &chains.output,
            Hook::Postrouting => &chains.postrouting,
            Hook::Forward => &self.forward,
        })
    }

    /// Which packets of a flow have one fate that are forwarded from one Iface to another.
    #[inline]
    pub fn alike(&self, iif: IfaceId, oif: IfaceId) -> Alike {
        let of = |iface: IfaceId| self.chains.get(usize::from(iface.0));
        match (of(iif), of(oif)) {
            (Some(from), Some(to)) => from.prerouting.alike.and(self.forward.alike).and(to.postrouting.alike),
            _ => Alike::default(),
        }
    }
}

impl Chain {
    fn of(policy: &Policy, hook: Hook, iface: IfaceId, depends: &Dependencies) -> Self {
        let member = |id: &FunctionId| {
            let function = policy.function(*id)?;
            Some(Member { id: *id, kind: function.kind, mentions_invalid: function.mentions_invalid })
        };
        let masquerades = hook == Hook::Postrouting && policy.iface(iface).is_some_and(|iface| iface.masquerade);
        let members = policy.chain(hook, iface).iter().filter_map(member).collect();
        Self { members, masquerades, alike: depends.alike(policy, hook, iface) }
    }
}

impl Form {
    fn where_faster(program: &Program) -> Self {
        // Of a long one it need not be known exactly.
        let decoded = is_short(program).then(|| compact(program)).flatten();
        let walk = decoded.as_ref().map_or_else(|| longest_way(program), Compact::longest_way);
        if program.steps().len() >= FEW_STEPS && walk > LOOK_UP {
            let tables = Classifier::new(program);
            if tables.cost(program).worst_steps.saturating_mul(LINE).saturating_add(LOOK_UP) <= walk {
                return Self::Tables(tables);
            }
        }
        decoded.or_else(|| compact(program)).map_or(Self::Steps, Self::Compact)
    }

    fn tables(&self) -> Option<&Classifier> {
        match self {
            Self::Tables(tables) => Some(tables),
            Self::Steps | Self::Compact(_) => None,
        }
    }
}

/// It can wait.
fn is_short(program: &Program) -> bool {
    program.steps().len() < URGENT_STEPS
}

fn compact(program: &Program) -> Option<Compact> {
    (program.steps().len() <= MOST_STEPS).then(|| Compact::new(program)).flatten()
}

fn build(policy: &Policy, form: impl Fn(&Program) -> Form) -> Vec<Form> {
    let of = |function: &Function| form(&function.program);
    policy.functions.iter().map(of).collect()
}

fn costs(policy: &Policy, forms: &[Form]) -> Vec<RuleCost> {
    let of = |(at, function): (usize, &Function)| {
        let program = &function.program;
        let tables = forms.get(at).and_then(Form::tables).map(|tables| tables.cost(program));
        let worst_steps = tables.map_or_else(|| longest_way(program), |tables| tables.worst_steps);
        RuleCost { steps: program.steps().len(), worst_steps, tables }
    };
    policy.functions.iter().enumerate().map(of).collect()
}

/// The most steps that a packet can be made to go through.
fn longest_way(program: &Program) -> usize {
    let mut from = vec![0_usize; program.steps().len()];
    // From the last to the first, since everything leads forward.
    for (at, step) in program.steps().iter().enumerate().rev() {
        let most = |to: StepId| from.get(to as usize).copied().unwrap_or(0);
        let way = 1 + match step {
            Step::Test { then, otherwise, .. } => most(*then).max(most(*otherwise)),
            Step::Log { next, .. } => most(*next),
            Step::Translate { otherwise, .. } => most(*otherwise),
            Step::End(_) => 0,
        };
        if let Some(from) = from.get_mut(at) {
            *from = way;
        }
    }
    from.first().copied().unwrap_or(0)
}
