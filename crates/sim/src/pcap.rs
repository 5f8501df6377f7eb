//! What went over the wires, as a pcapng file that Wireshark and tcpdump read
//! (draft-ietf-opsawg-pcapng: section header, one interface description per NIC, enhanced packets).

use wire::{Instant, PortId};

/// A frame on a wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    pub at: Instant,
    pub port: PortId,
    pub direction: Direction,
    pub bytes: Vec<u8>,
}

/// As the box sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    In,
    Out,
}

const LINKTYPE_ETHERNET: u32 = 1;
const OPTION_IF_NAME: u16 = 2;
const OPTION_IF_TSRESOL: u16 = 9;
const OPTION_EPB_FLAGS: u16 = 2;

/// The file's bytes. Timestamps count from the box's boot, in nanoseconds.
pub fn pcapng(nic_names: &[String], frames: &[Captured]) -> Vec<u8> {
    let mut file = Vec::new();
    // Byte order magic, version 1.0, section length not given.
    let mut section = 0x1a2b_3c4du32.to_le_bytes().to_vec();
    section.extend(1u16.to_le_bytes());
    section.extend(0u16.to_le_bytes());
    section.extend(u64::MAX.to_le_bytes());
    block(&mut file, 0x0a0d_0d0a, section);
    for name in nic_names {
        let mut interface = LINKTYPE_ETHERNET.to_le_bytes().to_vec();
        interface.extend(0u32.to_le_bytes());
        option(&mut interface, OPTION_IF_NAME, name.as_bytes());
        option(&mut interface, OPTION_IF_TSRESOL, &[9]);
        option(&mut interface, 0, &[]);
        block(&mut file, 1, interface);
    }
    for frame in frames {
        let nanos = frame.at.as_nanos();
        let len = frame.bytes.len() as u32;
        let mut packet = Vec::with_capacity(frame.bytes.len() + 32);
        for word in [u32::from(frame.port.0), (nanos >> 32) as u32, nanos as u32, len, len] {
            packet.extend(word.to_le_bytes());
        }
        padded(&mut packet, &frame.bytes);
        let direction = match frame.direction {
            Direction::In => 1u32,
            Direction::Out => 2,
        };
        option(&mut packet, OPTION_EPB_FLAGS, &direction.to_le_bytes());
        option(&mut packet, 0, &[]);
        block(&mut file, 6, packet);
    }
    file
}

fn block(file: &mut Vec<u8>, kind: u32, body: Vec<u8>) {
    let len = (body.len() as u32 + 12).to_le_bytes();
    file.extend(kind.to_le_bytes());
    file.extend(len);
    file.extend(body);
    file.extend(len);
}

fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    body.extend(code.to_le_bytes());
    body.extend((value.len() as u16).to_le_bytes());
    padded(body, value);
}

/// Values and packets fill whole 32-bit words.
fn padded(body: &mut Vec<u8>, value: &[u8]) {
    body.extend_from_slice(value);
    body.extend(std::iter::repeat_n(0, value.len().next_multiple_of(4) - value.len()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_block_has_its_length_at_both_ends() {
        let frame = |len: u8, direction| Captured {
            at: Instant::from_millis(5),
            port: PortId(0),
            direction,
            bytes: vec![len; usize::from(len)],
        };
        let frames = [frame(60, Direction::In), frame(61, Direction::Out), frame(62, Direction::Out)];
        let file = pcapng(&["outside".into(), "inside".into()], &frames);
        let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
        let (mut at, mut kinds) = (0, Vec::new());
        while at < file.len() {
            let len = word(at + 4);
            assert_eq!((len % 4, word(at + len as usize - 4)), (0, len), "block at {at}");
            kinds.push(word(at));
            at += len as usize;
        }
        assert_eq!(kinds, [0x0a0d_0d0a, 1, 1, 6, 6, 6]);
    }
}
