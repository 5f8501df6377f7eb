//! The console: the PC's first serial port (16550), 115200 baud, 8N1.
//!
//! What is said waits in a queue and goes out when there is time ([`Serial::drain`]): a byte takes 87 µs on a real line
//! and an exit to the hypervisor on a virtual one, too long for a router that has frames to forward. The queue is one of
//! the program, not of a value, so that a panic finds in it what was said before.

use crate::Ring0;
use core::fmt;
use core::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

const PORT: u16 = 0x3f8;
const DATA: u16 = PORT;
const INTERRUPT_ENABLE: u16 = PORT + 1;
const FIFO_CONTROL: u16 = PORT + 2;
const LINE_CONTROL: u16 = PORT + 3;
const MODEM_CONTROL: u16 = PORT + 4;
const LINE_STATUS: u16 = PORT + 5;

const RECEIVED: u8 = 1;
const TRANSMITTER_EMPTY: u8 = 0x20;
/// Bytes that the transmitter takes once it says that it is empty.
const FIFO: usize = 16;
/// How often the line status is read before a line is given up: one that nobody drains must not stop a router.
const PATIENCE: u32 = 1_000_000;

/// Writes when asked to, reads what has come.
#[derive(Debug)]
pub struct Serial {
    ring0: Ring0,
}

/// What became of a try to send what waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Nothing waits.
    Empty,
    /// A few bytes went out; there may be more.
    Some,
    /// The line still has the last ones to send.
    Busy,
}

impl Serial {
    /// The legacy interrupt line of the port.
    pub const IRQ: u8 = 4;

    pub fn open(ring0: Ring0) -> Self {
        ring0.out8(INTERRUPT_ENABLE, 0);
        ring0.out8(LINE_CONTROL, 0x80);
        ring0.out8(DATA, 1);
        ring0.out8(INTERRUPT_ENABLE, 0);
        ring0.out8(LINE_CONTROL, 3);
        ring0.out8(FIFO_CONTROL, 7);
        // DTR, RTS, and OUT2, without which the interrupt line stays dead.
        ring0.out8(MODEM_CONTROL, 0x0b);
        Self { ring0 }
    }

    /// A second writer for a panic, which may have interrupted the first one anywhere.
    pub fn for_panic(ring0: Ring0) -> Self {
        Self { ring0 }
    }

    /// Asks for an interrupt when bytes come in.
    pub fn enable_interrupt(&mut self) {
        self.ring0.out8(INTERRUPT_ENABLE, 1);
    }

    pub fn read(&mut self) -> Option<u8> {
        let status = self.ring0.in8(LINE_STATUS);
        // A port that does not exist reads as all ones.
        (status & RECEIVED != 0 && status != 0xff).then(|| self.ring0.in8(DATA))
    }

    /// Sends as much of what waits as the transmitter takes at once; never waits.
    pub fn drain(&mut self) -> Drained {
        if QUEUE.is_empty() {
            return Drained::Empty;
        }
        if self.ring0.in8(LINE_STATUS) & TRANSMITTER_EMPTY == 0 {
            return Drained::Busy;
        }
        for byte in core::iter::from_fn(|| QUEUE.pop()).take(FIFO) {
            self.ring0.out8(DATA, byte);
        }
        Drained::Some
    }

    /// Sends all that waits, however long it takes; gives up on a line that does not move.
    pub fn flush(&mut self) {
        while !QUEUE.is_empty() {
            self.make_room();
        }
    }

    /// Sends a few bytes, waiting for the transmitter. What waits for a line that does not move is forgotten.
    fn make_room(&mut self) {
        if (0..PATIENCE).all(|_| self.drain() == Drained::Busy) {
            while QUEUE.pop().is_some() {}
        }
    }

    fn put(&mut self, byte: u8) {
        // Only as much as must be: to wait for all of it would keep frames waiting for more than a second.
        while !QUEUE.push(byte) {
            self.make_room();
        }
    }
}

impl fmt::Write for Serial {
    /// Puts text into the queue; where it is full, waits until some of it has been sent.
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            if byte == b'\n' {
                self.put(b'\r');
            }
            self.put(byte);
        }
        Ok(())
    }
}

static QUEUE: Queue = Queue::new();

/// Bytes, first in first out. One puts in and one takes out at a time: there is one core, and an exception that comes
/// in between finds every byte that was put in whole.
struct Queue {
    bytes: [AtomicU8; Self::LEN],
    /// How many were ever put in, and taken out; they wrap.
    pushed: AtomicUsize,
    popped: AtomicUsize,
}

impl Queue {
    /// All that a start and all that a key asks for.
    const LEN: usize = 16 << 10;

    const fn new() -> Self {
        Self {
            bytes: [const { AtomicU8::new(0) }; Self::LEN],
            pushed: AtomicUsize::new(0),
            popped: AtomicUsize::new(0),
        }
    }

    fn is_empty(&self) -> bool {
        self.pushed.load(Ordering::Acquire) == self.popped.load(Ordering::Relaxed)
    }

    /// False where it is full.
    fn push(&self, byte: u8) -> bool {
        let pushed = self.pushed.load(Ordering::Relaxed);
        let fits = pushed.wrapping_sub(self.popped.load(Ordering::Acquire)) < Self::LEN;
        if fits {
            self.bytes[pushed % Self::LEN].store(byte, Ordering::Relaxed);
            // Release: its partner is the Acquire of who takes the byte out.
            self.pushed.store(pushed.wrapping_add(1), Ordering::Release);
        }
        fits
    }

    fn pop(&self) -> Option<u8> {
        let popped = self.popped.load(Ordering::Relaxed);
        (popped != self.pushed.load(Ordering::Acquire)).then(|| {
            let byte = self.bytes[popped % Self::LEN].load(Ordering::Relaxed);
            self.popped.store(popped.wrapping_add(1), Ordering::Release);
            byte
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::boxed::Box;
    use std::vec::Vec;

    #[test]
    fn what_is_said_comes_out_in_order_and_a_full_queue_takes_no_more() {
        let queue = Box::new(Queue::new());
        for round in 0..3u8 {
            assert!(queue.is_empty());
            let text: Vec<u8> = (0..Queue::LEN).map(|at| at as u8 ^ round).collect();
            assert!(text.iter().all(|&byte| queue.push(byte)));
            assert!(!queue.push(0));
            assert_eq!(core::iter::from_fn(|| queue.pop()).take(100).collect::<Vec<_>>(), text[..100]);
            assert!((0..100).all(|byte| queue.push(byte)));
            let rest: Vec<u8> = core::iter::from_fn(|| queue.pop()).collect();
            assert_eq!(rest[..Queue::LEN - 100], text[100..]);
            assert_eq!(rest[Queue::LEN - 100..], (0..100).collect::<Vec<u8>>());
        }
    }
}
