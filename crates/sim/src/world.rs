//! The outside of a simulated box: its NICs with their queues, the hosts on the links, a console.

use crate::buffer::{Frame, Pool};
use crate::hosts::Hosts;
use crate::pcap::{Captured, Direction};
use node::{Nic, Ports};
use plane::Event;
use std::collections::VecDeque;
use wire::{Buffer, Burst, Instant, PortId};

/// Something that came out of the box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// A frame, as it stood on the wire.
    Sent { port: PortId, bytes: Vec<u8> },
    /// A log line on the console. With a severity: of a `syslog` action of a policy without Syslog.
    Log { severity: Option<u8>, text: String },
    /// Another line of the console.
    Console { line: String },
}

pub struct World {
    pub now: Instant,
    pub hosts: Hosts,
    pool: Pool,
    nics: Vec<Nic>,
    /// What each NIC has received and nobody has taken yet.
    received: Vec<VecDeque<Frame>>,
    happenings: Vec<Happening>,
    captured: Vec<Captured>,
    /// Lines that the node is about to print because of an event that is already on record.
    announced: Vec<String>,
    /// Keep what happens; without it frames go back to their pool and nothing is remembered.
    pub recording: bool,
}

impl World {
    pub fn new(nics: Vec<Nic>, hosts: Hosts) -> Self {
        let received = nics.iter().map(|_| VecDeque::with_capacity(256)).collect();
        Self {
            now: Instant::BOOT,
            hosts,
            pool: Pool::with_buffers(1024),
            nics,
            received,
            happenings: Vec::new(),
            captured: Vec::new(),
            announced: Vec::new(),
            recording: true,
        }
    }

    /// Puts a frame on the wire of a NIC.
    pub fn send(&mut self, port: PortId, bytes: &[u8]) {
        if self.recording {
            self.captured.push(Captured { at: self.now, port, direction: Direction::In, bytes: bytes.to_vec() });
        }
        if let Some(queue) = self.received.get_mut(usize::from(port.0)) {
            queue.push_back(self.pool.frame(bytes));
        }
    }

    pub fn take(&mut self) -> Vec<Happening> {
        std::mem::take(&mut self.happenings)
    }

    pub fn captured(&self) -> &[Captured] {
        &self.captured
    }

    pub fn is_quiet(&self) -> bool {
        self.received.iter().all(VecDeque::is_empty)
    }
}

impl Ports for World {
    type Buffer = Frame;

    fn nics(&self) -> &[Nic] {
        &self.nics
    }

    fn receive(&mut self, port: PortId, burst: &mut Burst<Frame>) {
        let Some(queue) = self.received.get_mut(usize::from(port.0)) else { return };
        while !burst.is_full() {
            let Some(frame) = queue.pop_front() else { break };
            if let Err(frame) = burst.push(frame) {
                queue.push_front(frame);
                break;
            }
        }
    }

    fn transmit(&mut self, port: PortId, mut frame: Frame) {
        frame.complete();
        if self.recording {
            let bytes = frame.head().to_vec();
            self.captured.push(Captured { at: self.now, port, direction: Direction::Out, bytes: bytes.clone() });
            self.happenings.push(Happening::Sent { port, bytes });
        }
        if let Some(answer) = self.hosts.answer(port, frame.head()) {
            self.send(port, &answer);
        }
    }

    fn allocate(&mut self) -> Option<Frame> {
        Some(self.pool.empty())
    }

    fn flush(&mut self) {}

    fn console(&mut self, line: &str) {
        if !self.recording {
            return;
        }
        // The node prints the text of a log event, after the severity's words if it has one.
        if let Some(at) = self.announced.iter().position(|text| line.ends_with(text.as_str())) {
            self.announced.remove(at);
            return;
        }
        self.happenings.push(Happening::Console { line: line.to_owned() });
    }

    fn event(&mut self, event: &Event<'_>) {
        if let (Event::Log { severity, text }, true) = (event, self.recording) {
            // The node prints a line of its own for each line of the text.
            for line in text.split_terminator('\n') {
                self.announced.push(line.to_owned());
                self.happenings.push(Happening::Log { severity: *severity, text: line.to_owned() });
            }
        }
    }
}
