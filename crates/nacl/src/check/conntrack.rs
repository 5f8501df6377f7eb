//! Conntrack: limits and idle times.

use super::Checker;
use crate::resolve::Member;
use crate::vocabulary::{CONNTRACK, ObjectKind, TIMEOUT, TIMEOUTS};
use policy::{Conntrack, Timeouts};
use wire::Duration;

impl<'a> Checker<'a, '_> {
    pub fn conntrack(&mut self) -> Conntrack {
        let mut conntrack = Conntrack::default();
        let Some((_, typed)) = self.only_object(ObjectKind::Conntrack, "Conntrack") else { return conntrack };
        if !self.needs_object(typed, "Conntrack", "an object") {
            return conntrack;
        }
        let object = &typed.object;
        self.known_keys(&CONNTRACK, object, "");
        let most = i64::from(u32::MAX);
        let limit = object.key("limit").and_then(|member| self.integer(member, 0, most));
        conntrack.limit = limit.map(|limit| limit as u32).filter(|limit| *limit > 0);
        conntrack.reserve = object.key("reserve").and_then(|member| self.integer(member, 0, most)).unwrap_or(0) as u32;
        conntrack.stateful_tcp = object.key("stateful_tcp").and_then(|member| self.boolean(member)).unwrap_or(false);
        if let Some(classes) = object.key("timeout").and_then(|member| self.object_member(member)) {
            self.known_keys(&TIMEOUTS, classes, "timeout");
            for member in classes.members() {
                match TIMEOUTS.key(member.key.text).map(|key| key.name) {
                    Some("established") => self.timeouts(member, &mut conntrack.established),
                    Some("unconfirmed") => self.timeouts(member, &mut conntrack.unconfirmed),
                    Some(_) => self.timeouts(member, &mut conntrack.confirmed),
                    None => {}
                }
            }
        }
        conntrack
    }

    fn timeouts(&mut self, class: &Member<'a>, timeouts: &mut Timeouts) {
        let Some(object) = self.object_member(class) else { return };
        self.known_keys(&TIMEOUT, object, &Self::dotted("timeout", class.key.text));
        for member in object.members() {
            let Some(key) = TIMEOUT.key(member.key.text) else { continue };
            let Some(seconds) = self.integer(member, 1, i64::from(u32::MAX)) else { continue };
            let value = Duration::from_secs(seconds as u64);
            match key.name {
                "tcp" => timeouts.tcp = value,
                "udp" => timeouts.udp = value,
                "icmp" => timeouts.icmp = value,
                _ => timeouts.other = value,
            }
        }
    }
}
