//! Everything that is written is checked, used or not; and what nothing uses is said.

use super::Checker;
use super::value::{Found, Scope, What};
use crate::diagnostic::{Code, Diagnostic};
use crate::resolve::{Data, Kind};
use alloc::format;

impl Checker<'_, '_> {
    pub fn constants(&mut self) {
        let names = self.names;
        for (_, element) in names.iter() {
            if let Kind::Constant(data) = &element.kind {
                let found = match data {
                    Data::Value(value) => self.evaluate(value, Scope::Constant),
                    Data::Object(object) => Found { what: What::Object(object), at: object.span, origin: object.span },
                };
                if !self.word_lists.contains(&found.origin.start) {
                    self.elements(found, Scope::Constant);
                }
            }
        }
        if !self.torn.is_empty() {
            return;
        }
        for (id, element) in names.iter().filter(|(id, _)| !names.is_used(*id)) {
            let name = element.name;
            let diagnostic = match &element.kind {
                Kind::Constant(_) => {
                    Diagnostic::new(Code::UnusedConstant, name.span, format!("`{}` is never used", name.text))
                }
                Kind::Function(_) if self.procedures.contains_key(&id) => {
                    let message = format!("`{}` is on no chain and never called", name.text);
                    let help = format!("put it on a chain, like `eth0.input: {}`, or remove it", name.text);
                    Diagnostic::new(Code::UnusedFunction, name.span, message).help(help)
                }
                _ => continue,
            };
            self.report(diagnostic);
        }
    }
}
