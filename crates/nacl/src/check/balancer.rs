//! Load_balancer: where clients come from, and the nodes they are spread over.

use super::Checker;
use super::gateway::owns;
use super::value::{Found, Scope, What};
use crate::ast::{Name, Value, ValueKind};
use crate::diagnostic::{Code, Diagnostic};
use crate::resolve::{Member, Object, Typed};
use crate::source::Span;
use crate::vocabulary::{BALANCER, CLIENTS, NODE, ObjectKind, SERVERS};
use alloc::format;
use alloc::vec::Vec;
use policy::{Balancer, Iface, Node};
use wire::IfaceId;

/// Clients that wait, and sessions, where the file says nothing.
const DEFAULT_LIMIT: u32 = 1000;

struct Clients {
    iface: IfaceId,
    port: u16,
    wait_queue_limit: u32,
    session_limit: u32,
}

impl<'a> Checker<'a, '_> {
    pub fn balancer(&mut self, ifaces: &[Iface]) -> Option<Balancer> {
        let mut first: Option<(Name<'a>, Option<Balancer>)> = None;
        for (name, typed) in self.objects(ObjectKind::LoadBalancer) {
            let checked = self.one_balancer(name, typed, ifaces);
            match &first {
                None => first = Some((name, checked)),
                Some((earlier, _)) => {
                    let diagnostic =
                        Diagnostic::new(Code::OnlyOne, name.span, "there can be one tcp Load_balancer only");
                    self.report(diagnostic.note(earlier.span, "the first one"));
                }
            }
        }
        first?.1
    }

    fn one_balancer(&mut self, name: Name<'a>, typed: &'a Typed<'a>, ifaces: &[Iface]) -> Option<Balancer> {
        if !self.needs_object(typed, "Load_balancer", "an object") {
            return None;
        }
        let object = &typed.object;
        self.known_keys(&BALANCER, object, "");
        self.required_keys(&BALANCER, object, name.text, name.span);
        if let (Some(member), Some(key)) = (object.key("layer"), BALANCER.key("layer")) {
            self.word(member, key);
        }
        let clients = object.key("clients").and_then(|member| self.clients(name, member));
        let servers = object.key("servers").and_then(|member| self.servers(name, member));
        let (clients, (servers, nodes)) = (clients?, servers?);
        if let Some(iface) = ifaces.get(usize::from(clients.iface.0)) {
            for (node, at) in &nodes {
                if owns(iface, node.address) && node.port == clients.port {
                    let message = format!("the node {} is our own client port: connections would loop", node.address);
                    self.report(Diagnostic::new(Code::NodeIsSelf, *at, message));
                }
            }
        }
        Some(Balancer {
            name: name.text.into(),
            clients: clients.iface,
            port: clients.port,
            wait_queue_limit: clients.wait_queue_limit,
            session_limit: clients.session_limit,
            servers,
            nodes: nodes.into_iter().map(|(node, _)| node).collect(),
            place: self.source.place(name.span.start),
        })
    }

    fn clients(&mut self, owner: Name<'a>, member: &Member<'a>) -> Option<Clients> {
        let object = self.object_member(member)?;
        let shown = Self::dotted(owner.text, "clients");
        self.known_keys(&CLIENTS, object, &shown);
        self.required_keys(&CLIENTS, object, &shown, member.at);
        let iface = object.key("iface").and_then(|member| self.iface(member));
        let port = object.key("port").and_then(|member| self.integer(member, 1, 65535));
        let wait_queue_limit = self.count(object, "wait_queue_limit", 0);
        let session_limit = self.count(object, "session_limit", 1);
        Some(Clients { iface: iface?.0, port: port? as u16, wait_queue_limit, session_limit })
    }

    fn count(&mut self, object: &Object<'a>, key: &str, low: i64) -> u32 {
        let count = object.key(key).and_then(|member| self.integer(member, low, i64::from(u32::MAX)));
        count.map_or(DEFAULT_LIMIT, |count| count as u32)
    }

    fn servers(&mut self, owner: Name<'a>, member: &Member<'a>) -> Option<(IfaceId, Vec<(Node, Span)>)> {
        let object = self.object_member(member)?;
        let shown = Self::dotted(owner.text, "servers");
        self.known_keys(&SERVERS, object, &shown);
        self.required_keys(&SERVERS, object, &shown, member.at);
        let iface = object.key("iface").and_then(|member| self.iface(member));
        if let (Some(member), Some(key)) = (object.key("algorithm"), SERVERS.key("algorithm")) {
            self.word(member, key);
        }
        let nodes = object.key("pool").and_then(|member| self.pool(member));
        Some((iface?.0, nodes?))
    }

    fn pool(&mut self, member: &Member<'a>) -> Option<Vec<(Node, Span)>> {
        let found = self.scalar(member, "a list of nodes")?;
        let What::List(list) = found.what else {
            self.wrong_type("pool", "a list of nodes", found);
            return None;
        };
        if list.is_empty() {
            self.report(Diagnostic::new(Code::WrongType, found.at, "pool needs at least one node"));
            return None;
        }
        let mut nodes: Vec<(Node, Span)> = Vec::new();
        for (at, value) in list.iter().enumerate() {
            let Some(node) = self.node(at, value) else { continue };
            if let Some(first) = nodes.iter().position(|(other, _)| *other == node) {
                let message = format!("node {at} repeats node {first}");
                let diagnostic = Diagnostic::new(Code::RepeatedEntry, value.span, message);
                let there = nodes.get(first).map_or(value.span, |(_, span)| *span);
                self.report(diagnostic.note(there, "the same node"));
            }
            nodes.push((node, value.span));
        }
        Some(nodes)
    }

    fn node(&mut self, at: usize, value: &'a Value<'a>) -> Option<Node> {
        let found = self.evaluate(value, Scope::Object);
        match found.what {
            What::Object(object) => self.node_object(at, value, object),
            What::Literal(literal) => {
                let object = self.literal_object(literal, value.span);
                self.node_object(at, value, &object)
            }
            What::Broken => None,
            _ => {
                self.no_node(value, found);
                None
            }
        }
    }

    fn no_node(&mut self, value: &Value<'a>, found: Found<'a>) {
        let what = match &value.kind {
            ValueKind::Path(_) => found.what.describe(),
            _ => value.describe(),
        };
        let message = format!("a node must be an object with address and port, found {what}");
        self.report(Diagnostic::new(Code::WrongType, value.span, message));
    }

    fn node_object(&mut self, at: usize, value: &Value<'a>, object: &Object<'a>) -> Option<Node> {
        self.known_keys(&NODE, object, "");
        self.required_keys(&NODE, object, &format!("node {at}"), value.span);
        let address = object.key("address").and_then(|member| self.address(member));
        let port = object.key("port").and_then(|member| self.integer(member, 1, 65535));
        Some(Node { address: address?.0, port: port? as u16 })
    }
}
