//! Syslog: where log lines go.

use super::Checker;
use crate::diagnostic::{Code, Diagnostic};
use crate::vocabulary::{ObjectKind, SYSLOG};
use alloc::format;
use policy::{DEFAULT_LOG_RATE, Syslog};

impl Checker<'_, '_> {
    pub fn syslog(&mut self) -> Option<Syslog> {
        let (name, typed) = self.only_object(ObjectKind::Syslog, "Syslog")?;
        if !self.needs_object(typed, "Syslog", "an object") {
            return None;
        }
        let object = &typed.object;
        self.known_keys(&SYSLOG, object, "");
        self.required_keys(&SYSLOG, object, name.text, name.span);
        let address = object.key("address").and_then(|member| self.address(member));
        if let Some((address, at)) = address
            && (address.is_unspecified() || address.is_multicast())
        {
            let message = format!("{address} is no address that a log server can have");
            self.report(Diagnostic::new(Code::NotUnicast, at, message));
            return None;
        }
        let port = object.key("port").and_then(|member| self.integer(member, 1, 65535));
        let mut lines = |key: &str| match object.key(key) {
            Some(member) => self.integer(member, 1, i64::from(u32::MAX)).map(|lines| lines as u32),
            None => Some(DEFAULT_LOG_RATE),
        };
        let (rate, burst) = (lines("rate"), lines("burst"));
        Some(Syslog { address: address?.0, port: port? as u16, rate: rate?, burst: burst? })
    }
}
