//! Timers.

use super::Checker;
use super::value::{Scope, What};
use crate::ast::{Value, ValueKind};
use crate::diagnostic::{Code, Diagnostic};
use crate::resolve::Data;
use crate::source::Span;
use crate::vocabulary::{ObjectKind, TIMER, timer_data};
use alloc::format;
use alloc::vec::Vec;
use policy::{Timer, TimerData};
use wire::Duration;

impl<'a> Checker<'a, '_> {
    pub fn timers(&mut self, has_balancer: bool) -> Vec<Timer> {
        let mut timers = Vec::new();
        let balancer = has_balancer || !self.objects(ObjectKind::LoadBalancer).is_empty();
        for (name, typed) in self.objects(ObjectKind::Timer) {
            if !self.needs_object(typed, "Timer", "an object") {
                continue;
            }
            let object = &typed.object;
            self.known_keys(&TIMER, object, "");
            let complete = self.required_keys(&TIMER, object, name.text, name.span);
            let interval = object.key("interval").and_then(|member| self.integer(member, 1, i64::from(u32::MAX)));
            let mut data: Vec<(TimerData, Span)> = Vec::new();
            if let Some(member) = object.key("data") {
                match &member.data {
                    Data::Value(value) => self.timer_list(value, &mut data),
                    Data::Object(object) => {
                        self.report(Diagnostic::new(
                            Code::WrongType,
                            object.span,
                            "data needs a list, found an object",
                        ));
                    }
                }
            }
            if let (Some((_, at)), false) = (data.iter().find(|(data, _)| *data == TimerData::Lb), balancer) {
                let message = "`lb` prints nothing: no Load_balancer is defined";
                self.report(Diagnostic::new(Code::NoBalancer, *at, message));
            }
            let mut data: Vec<TimerData> = data.into_iter().map(|(data, _)| data).collect();
            data.sort_unstable();
            if let (Some(interval), true) = (interval, complete) {
                let interval = Duration::from_secs(interval as u64);
                timers.push(Timer {
                    name: name.text.into(),
                    interval,
                    data,
                    place: self.source.place(name.span.start),
                });
            }
        }
        timers
    }

    fn timer_list(&mut self, value: &'a Value<'a>, data: &mut Vec<(TimerData, Span)>) {
        let Some(key) = TIMER.key("data") else { return };
        let word = match &value.kind {
            ValueKind::Path(path) => path.single().filter(|name| self.names.find(name.text).is_none()),
            _ => None,
        };
        if let Some(name) = word.filter(|name| key.words.iter().any(|word| word.name.eq_ignore_ascii_case(name.text))) {
            let diagnostic = Diagnostic::new(Code::WrongType, name.span, "data needs a list, found a single word");
            self.report(diagnostic.help(format!("write `[{}]`", name.text)));
            return;
        }
        let found = self.evaluate(value, Scope::Object);
        self.word_lists.insert(found.origin.start);
        let What::List(list) = found.what else {
            self.wrong_type("data", "a list", found);
            return;
        };
        if list.is_empty() {
            self.report(Diagnostic::new(Code::WrongType, found.at, "data needs at least one word"));
        }
        for element in list {
            // A name of a further list is followed, any other is a word.
            if let ValueKind::Path(path) = &element.kind {
                let word =
                    path.single().filter(|name| key.words.iter().any(|w| w.name.eq_ignore_ascii_case(name.text)));
                let defined = path.single().is_some_and(|name| self.names.find(name.text).is_some());
                if word.is_none()
                    && defined
                    && let What::List(_) = self.evaluate(element, Scope::Object).what
                {
                    let message = format!("`{}` is a list; write its words here", self.text(element.span));
                    self.report(Diagnostic::new(Code::WrongType, element.span, message));
                    continue;
                }
            }
            let Some(word) = self.word_of(element, key).and_then(timer_data) else { continue };
            if let Some((_, first)) = data.iter().find(|(other, _)| *other == word) {
                let message = format!("`{}` is listed twice", self.text(element.span));
                let diagnostic = Diagnostic::new(Code::RepeatedEntry, element.span, message);
                self.report(diagnostic.note(*first, "first listed here"));
            } else {
                data.push((word, element.span));
            }
        }
    }
}
