//! What each code means, at length: an explanation, a file that is told so, and the same file repaired.
//!
//! Apart from the code's name and severity, so that an image that never explains does not carry the text.

mod conditions;
mod functions;
mod names;
mod objects;
mod text;

use super::Code;

/// An explanation for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    pub text: &'static str,
    /// None where it would be larger than helpful.
    pub example: Option<Example>,
}

/// A whole file that is told the code, and the same file repaired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Example {
    pub wrong: &'static str,
    pub right: &'static str,
}

const fn explanation(text: &'static str, wrong: &'static str, right: &'static str) -> Explanation {
    Explanation { text, example: Some(Example { wrong, right }) }
}

const fn without_example(text: &'static str) -> Explanation {
    Explanation { text, example: None }
}

/// Everything around a Filter `f`, for examples of one function.
macro_rules! on_input {
    ($function:literal) => {
        concat!("Iface eth0 { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, input: f }\n", $function)
    };
}

/// Everything around a Nat `n`.
macro_rules! on_prerouting {
    ($function:literal) => {
        concat!("Iface eth0 { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, prerouting: n }\n", $function)
    };
}

/// Everything around a Gateway.
macro_rules! with_iface {
    ($rest:literal) => {
        concat!("Iface eth0 { index: 0, address: 10.0.0.1, netmask: 255.255.255.0 }\n", $rest)
    };
}

pub(crate) use {on_input, on_prerouting, with_iface};

impl Code {
    /// What it means, with an example and its repair.
    pub fn explain(self) -> Explanation {
        let found = text::explain(self)
            .or_else(|| names::explain(self))
            .or_else(|| objects::explain(self))
            .or_else(|| functions::explain(self))
            .or_else(|| conditions::explain(self));
        // A test holds that there is an explanation of each.
        found.unwrap_or(without_example(self.title()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Severity, Source, analyze};
    use alloc::format;
    use alloc::vec::Vec;

    #[test]
    fn every_code_is_explained_by_a_file_that_gives_it_and_a_repair_that_does_not() {
        let codes = |text: &str| {
            let compiled = analyze(&Source::new("example.nacl", text));
            compiled.diagnostics.iter().map(|found| (found.code, found.severity)).collect::<Vec<_>>()
        };
        let mut failures = Vec::new();
        for code in Code::ALL {
            let mut hold = |truth: bool, what: &str| {
                if !truth {
                    failures.push(format!("{}: {what}", code.name()));
                }
            };
            let explanation = code.explain();
            hold(explanation.text.ends_with('.') && explanation.text.len() > 40, "has no explanation");
            let Some(example) = explanation.example else { continue };
            let (wrong, right) = (codes(example.wrong), codes(example.right));
            hold(wrong.iter().any(|(given, _)| given == code), &format!("is not given: {wrong:?}"));
            hold(!right.iter().any(|(given, _)| given == code), &format!("is not repaired: {right:?}"));
            hold(
                right.iter().all(|(_, severity)| *severity != Severity::Error),
                &format!("has a wrong repair: {right:?}"),
            );
            let mut others = wrong.iter().filter(|(given, severity)| given != code && *severity == Severity::Error);
            hold(others.next().is_none(), &format!("has other errors too: {wrong:?}"));
        }
        assert!(failures.is_empty(), "{failures:#?}");
    }
}
