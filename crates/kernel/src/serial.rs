//! The console: the PC's first serial port (16550), 115200 baud, 8N1.

use crate::Ring0;
use core::fmt;

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
const FIFO: u8 = 16;
/// How often the line status is read before a byte is given up: a line that nobody drains must not stop a router.
const PATIENCE: u32 = 1_000_000;

/// Writes at once, waiting for the transmitter; reads what has come.
#[derive(Debug)]
pub struct Serial {
    ring0: Ring0,
    /// Bytes that still fit into the transmitter's queue.
    room: u8,
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
        Self { ring0, room: 0 }
    }

    /// A second writer for a panic, which may have interrupted the first one anywhere.
    pub fn for_panic(ring0: Ring0) -> Self {
        Self { ring0, room: 0 }
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

    fn put(&mut self, byte: u8) {
        if self.room == 0 {
            for _ in 0..PATIENCE {
                if self.ring0.in8(LINE_STATUS) & TRANSMITTER_EMPTY != 0 {
                    self.room = FIFO;
                    break;
                }
            }
        }
        if self.room > 0 {
            self.ring0.out8(DATA, byte);
            self.room -= 1;
        }
    }
}

impl fmt::Write for Serial {
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
