//! What can never happen in the functions of a policy, and why: rules that earlier ones shadow, tests that no packet
//! meets, statements that never run.
//!
//! The programs are what packets run through, with all calls written out, so they are what is asked
//! ([`classifier::analysis`] proves the answers); what is told is told of the text. One place of the text may have become
//! several steps, one for each call, and never happens if none of them does.
//!
//! Programs that are too large ([`MOST_STEPS`]) or too tangled for the effort are left to the coarser look at each
//! function by itself that was taken before ([`Checked::shadows`]), as are functions on no chain and files with errors.

mod example;
mod outcomes;
#[cfg(test)]
mod tests;
mod tree;

use crate::checked::Checked;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::{Source, Span};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use outcomes::Outcomes;
use policy::Policy;

/// Longest program that is asked about, in steps: ten thousand rules and more.
const MOST_STEPS: usize = 1 << 16;

/// Adds to the diagnostics.
pub fn analyze(source: &Source, checked: &Checked, policy: Option<&Policy>, diagnostics: &mut Vec<Diagnostic>) {
    let mut found = Vec::new();
    if let Some(policy) = policy {
        let mut outcomes = Outcomes::of(policy);
        found = tree::findings(source, checked, &mut outcomes, diagnostics);
    }
    // A finding with its reason is worth more than the same one without.
    let told: BTreeSet<Span> = found.iter().map(|finding| finding.rule).collect();
    let is_new = |rule: Option<Span>| rule.is_none_or(|rule| !told.contains(&rule));
    let coarse = checked.shadows.iter().filter(|shadow| is_new(shadow.rule)).map(|shadow| shadow.diagnostic.clone());
    diagnostics.extend(coarse);
    diagnostics.extend(found.into_iter().map(|finding| finding.diagnostic));
}

/// Something that never happens.
#[derive(Debug)]
struct Finding {
    /// Where the rule's `if` stands, or the statement.
    rule: Span,
    diagnostic: Diagnostic,
}

/// Is the diagnostic about something that never, or always, happens?
fn is_about_never(code: Code) -> bool {
    matches!(
        code,
        Code::NeverTrue
            | Code::ConstantCondition
            | Code::ShadowedTest
            | Code::UnreachableStatement
            | Code::WrongFamily
            | Code::UnknownOif
    )
}
