//! What the checks leave behind: parts of a policy, and functions whose every test is typed and every name bound.

use crate::diagnostic::Diagnostic;
use crate::resolve::ElementId;
use crate::source::Span;
use crate::vocabulary::Subtype;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use policy::{
    AddrRef, Balancer, Comparison, Conntrack, Field, FunctionKind, Gateway, Hook, LimitId, LimitRate, Set, Syslog,
    Template, Timer, Translation, Verdict,
};
use wire::IfaceId;

/// A file that was checked. Where errors were reported, parts are missing.
#[derive(Debug, Default)]
pub struct Checked {
    /// Their chains are empty here; see `chains`.
    pub ifaces: Vec<policy::Iface>,
    pub gateway: Option<Gateway>,
    pub conntrack: Conntrack,
    pub syslog: Option<Syslog>,
    pub balancer: Option<Balancer>,
    pub timers: Vec<Timer>,
    pub chains: Vec<Chain>,
    /// By their elements.
    pub procedures: BTreeMap<ElementId, Procedure>,
    /// Token buckets, one for each place in the text.
    pub limits: Vec<LimitRate>,
    /// What each function by itself seems never to do.
    pub shadows: Vec<Shadow>,
}

/// A rule that seems never to match, or a statement that seems never to run.
#[derive(Debug)]
pub struct Shadow {
    /// Where the rule's `if` stands, or the statement; `None` for what is always so.
    pub rule: Option<Span>,
    pub diagnostic: Diagnostic,
}

/// The functions of a hook.
#[derive(Debug)]
pub struct Chain {
    pub hook: Hook,
    /// `None` for the forward chain.
    pub iface: Option<IfaceId>,
    /// The key, for messages: `eth0.input`.
    pub owner: String,
    /// Each with where the chain names it.
    pub functions: Vec<(ElementId, Span)>,
}

/// A function of the top level.
#[derive(Debug)]
pub struct Procedure {
    pub kind: FunctionKind,
    pub subtype: Subtype,
    /// `Filter::IP f`
    pub head: Span,
    pub block: Block,
    /// States that it tests for, itself or in a function it calls, as bits.
    pub states: u8,
    /// Where it asks for `oif`.
    pub oif: Option<Span>,
    /// Can end without a verdict; known after the flow has been looked at.
    pub falls: bool,
}

#[derive(Debug, Default)]
pub struct Block {
    pub statements: Vec<Statement>,
    /// The closing brace.
    pub end: Span,
}

#[derive(Debug)]
pub struct Statement {
    pub at: Span,
    pub action: Action,
}

#[derive(Debug)]
pub enum Action {
    /// The block is run for packets of the subtype, the others pass over it.
    Gate(Subtype, Block),
    If(Vec<Arm>, Option<Block>),
    Call(ElementId),
    End(Verdict),
    Translate(Translation),
    Log(Template),
    /// Not understood: what it does is not guessed.
    Unknown,
}

#[derive(Debug)]
pub struct Arm {
    /// The `if`.
    pub keyword: Span,
    pub condition: Condition,
    pub block: Block,
}

#[derive(Debug)]
pub enum Condition {
    Or(Vec<Condition>),
    And(Vec<Condition>),
    Not(Box<Condition>),
    Test(Question, Span),
    Constant(bool),
    /// Not understood; nothing is concluded from it, and the file does not compile.
    Unknown,
}

/// As [`policy::Test`], before its sets are numbered.
#[derive(Clone, Debug)]
pub enum Question {
    In { field: Field, set: Rc<Set> },
    Compare { left: Field, comparison: Comparison, right: Field },
    IsAddress { field: Field, comparison: Comparison, address: AddrRef },
    TcpFlags { mask: u16 },
    Limit(LimitId),
}
