//! Captured packets: pcap (draft-ietf-opsawg-pcap), pcapng (draft-ietf-opsawg-pcapng), or a hex dump as tcpdump -x,
//! xxd, hexdump -C and Wireshark print it. Every read is checked: a capture is somebody else's file.

use super::name;
use anyhow::{Context, Result, bail, ensure};
use std::io::Read;
use std::path::Path;
use wire::ethernet::{Header, ethertype};
use wire::{Duration, MacAddr};

/// A captured frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Since the frame before it.
    pub after: Duration,
    /// From the Ethernet header on.
    pub bytes: Vec<u8>,
}

/// Reads a file; `-` is standard input.
pub fn read(path: &Path) -> Result<Vec<Frame>> {
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        std::io::stdin().read_to_end(&mut bytes).context("cannot read standard input")?;
    } else {
        bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    }
    let frames = parse(&bytes).with_context(|| format!("cannot understand {}", name(path)))?;
    ensure!(!frames.is_empty(), "there is no packet in {}", name(path));
    Ok(frames)
}

fn parse(bytes: &[u8]) -> Result<Vec<Frame>> {
    let packets = match bytes.first_chunk::<4>() {
        Some([0x0a, 0x0d, 0x0d, 0x0a]) => pcapng(bytes)?,
        Some(magic @ ([_, _, 0xb2, 0xa1] | [_, _, 0x3c, 0x4d] | [0xa1, 0xb2, ..])) if pcap_magic(*magic).is_some() => {
            pcap(bytes)?
        }
        _ => hex_dump(bytes)?,
    };
    let mut last = None;
    let mut frames = Vec::with_capacity(packets.len());
    for Packet { at, link, bytes } in packets {
        let after = last.map_or(0, |last| at.saturating_sub(last));
        last = Some(at);
        frames.push(Frame {
            after: Duration::from_nanos(after.min(u128::from(u64::MAX)) as u64),
            bytes: frame(link, &bytes)?,
        });
    }
    Ok(frames)
}

/// A packet as captured, `at` nanoseconds.
struct Packet {
    at: u128,
    link: u32,
    bytes: Vec<u8>,
}

const ETHERNET: u32 = 1;
/// Raw IP, by its version: what a hex dump without a link header is.
const RAW: u32 = 101;

/// Whatever the link type, as an Ethernet frame.
fn frame(link: u32, bytes: &[u8]) -> Result<Vec<u8>> {
    // Link header length, and where the ethertype stands in it.
    let (skip, kind_at) = match link {
        ETHERNET => return Ok(bytes.to_vec()),
        0 | 108 => (4, None),
        RAW | 12 | 14 | 228 | 229 => (0, None),
        113 => (16, Some(14)),
        276 => (20, Some(0)),
        other => bail!("its link type {other} is none that leads to IP"),
    };
    let payload = bytes.get(skip..).unwrap_or_default();
    let kind = match kind_at.and_then(|at| bytes.get(at..at + 2)) {
        Some(kind) => u16::from_be_bytes([kind[0], kind[1]]),
        None if payload.first().is_some_and(|first| first >> 4 == 6) => ethertype::IPV6,
        None => ethertype::IPV4,
    };
    let mut frame = vec![0; Header::len_for(None)];
    Header::emit(&mut frame, MacAddr([2, 0, 0, 0, 0, 2]), MacAddr([2, 0, 0, 0, 0, 1]), None, kind);
    frame.extend_from_slice(payload);
    Ok(frame)
}

/// Numbers of a capture, in the byte order of who wrote it.
#[derive(Clone, Copy)]
struct Reader<'a> {
    bytes: &'a [u8],
    little: bool,
}

impl Reader<'_> {
    fn u32(&self, at: usize) -> Result<u32> {
        let word = self.bytes.get(at..).and_then(|rest| rest.first_chunk::<4>()).context("it is cut off")?;
        Ok(if self.little { u32::from_le_bytes(*word) } else { u32::from_be_bytes(*word) })
    }

    fn u16(&self, at: usize) -> Result<u16> {
        let word = self.bytes.get(at..).and_then(|rest| rest.first_chunk::<2>()).context("it is cut off")?;
        Ok(if self.little { u16::from_le_bytes(*word) } else { u16::from_be_bytes(*word) })
    }

    fn slice(&self, at: usize, len: usize) -> Result<&[u8]> {
        at.checked_add(len).and_then(|end| self.bytes.get(at..end)).context("it is cut off")
    }
}

/// Byte order (little?) and nanoseconds per unit of the time stamps' fraction.
fn pcap_magic(magic: [u8; 4]) -> Option<(bool, u128)> {
    match (u32::from_le_bytes(magic), u32::from_be_bytes(magic)) {
        (0xa1b2_c3d4, _) => Some((true, 1000)),
        (0xa1b2_3c4d, _) => Some((true, 1)),
        (_, 0xa1b2_c3d4) => Some((false, 1000)),
        (_, 0xa1b2_3c4d) => Some((false, 1)),
        _ => None,
    }
}

fn pcap(bytes: &[u8]) -> Result<Vec<Packet>> {
    let magic = bytes.first_chunk::<4>().and_then(|magic| pcap_magic(*magic));
    let (little, unit) = magic.context("it has no pcap header")?;
    let reader = Reader { bytes, little };
    let link = reader.u32(20)? & 0xffff;
    let (mut at, mut packets) = (24, Vec::new());
    while at < bytes.len() {
        let len = reader.u32(at + 8)? as usize;
        let stamp = u128::from(reader.u32(at)?) * 1_000_000_000 + u128::from(reader.u32(at + 4)?) * unit;
        packets.push(Packet { at: stamp, link, bytes: reader.slice(at + 16, len)?.to_vec() });
        at += 16 + len;
    }
    Ok(packets)
}

fn pcapng(bytes: &[u8]) -> Result<Vec<Packet>> {
    let mut reader = Reader { bytes, little: true };
    // Link type and units per second of each interface.
    let mut interfaces: Vec<(u32, u128)> = Vec::new();
    let (mut at, mut packets) = (0, Vec::new());
    while at < bytes.len() {
        let kind = reader.u32(at)?;
        if kind == 0x0a0d_0d0a {
            reader.little = reader.slice(at + 8, 4)? == [0x4d, 0x3c, 0x2b, 0x1a];
            interfaces.clear();
        }
        let len = reader.u32(at + 4)? as usize;
        ensure!(len >= 12 && len.is_multiple_of(4), "a block of {len} bytes is none");
        reader.slice(at, len)?;
        match kind {
            1 => interfaces.push((u32::from(reader.u16(at + 8)?), units(&reader, at + 16, at + len - 4))),
            6 => {
                let (link, units) =
                    *interfaces.get(reader.u32(at + 8)? as usize).context("a packet names no interface")?;
                let stamp = u128::from(reader.u32(at + 12)?) << 32 | u128::from(reader.u32(at + 16)?);
                let captured = reader.u32(at + 20)? as usize;
                let bytes = reader.slice(at + 28, captured)?.to_vec();
                packets.push(Packet { at: stamp * 1_000_000_000 / units, link, bytes });
            }
            3 => {
                let (link, _) = *interfaces.first().context("a packet names no interface")?;
                let original = reader.u32(at + 8)? as usize;
                packets.push(Packet {
                    at: 0,
                    link,
                    bytes: reader.slice(at + 12, original.min(len.saturating_sub(16)))?.to_vec(),
                });
            }
            _ => {}
        }
        at += len;
    }
    Ok(packets)
}

/// Units per second of an interface's time stamps: its if_tsresol option, else a million.
fn units(reader: &Reader<'_>, mut at: usize, end: usize) -> u128 {
    while at + 4 <= end {
        let (Ok(code), Ok(len)) = (reader.u16(at), reader.u16(at + 2)) else { break };
        if code == 9
            && let Ok(&[resolution]) = reader.slice(at + 4, 1)
        {
            let exponent = u32::from(resolution & 0x7f);
            let base: u128 = if resolution & 0x80 != 0 { 2 } else { 10 };
            return base.checked_pow(exponent).unwrap_or(u128::MAX).max(1);
        }
        at += 4 + usize::from(len).next_multiple_of(4);
    }
    1_000_000
}

/// Packets begin at offset 0, or behind a line without bytes.
fn hex_dump(bytes: &[u8]) -> Result<Vec<Packet>> {
    let text = std::str::from_utf8(bytes).ok().context("it is neither pcap nor pcapng nor text")?;
    let (mut packets, mut open): (Vec<Vec<u8>>, bool) = (Vec::new(), false);
    for (number, line) in text.lines().enumerate() {
        let Some((offset, bytes)) = hex_line(line) else {
            let word = line.split_whitespace().next().unwrap_or_default();
            ensure!(!open || word.is_empty() || !is_hex(word), "line {} is no line of a hex dump", number + 1);
            open = false;
            continue;
        };
        match packets.last_mut() {
            // The length of all of it, which `hexdump` prints at the end.
            Some(packet) if open && offset.is_none() && bytes == (packet.len() as u32).to_be_bytes() => continue,
            Some(packet) if open && offset != Some(0) => {
                let expected = offset.is_none_or(|offset| offset == packet.len());
                ensure!(expected, "line {} does not follow the one before it", number + 1);
                packet.extend(bytes);
            }
            _ => packets.push(bytes),
        }
        open = true;
    }
    let packet = |bytes: Vec<u8>| Packet { at: 0, link: if is_ip(&bytes) { RAW } else { ETHERNET }, bytes };
    Ok(packets.into_iter().map(packet).collect())
}

fn is_hex(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The offset, if there is one, and the bytes of a line. `None`: it has no bytes.
fn hex_line(line: &str) -> Option<(Option<usize>, Vec<u8>)> {
    // `hexdump -C` puts its text between bars, the others behind two spaces or more.
    let (line, gap_ends) = line.split_once('|').map_or((line, true), |(before, _)| (before, false));
    let line = line.trim();
    let (first, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let digits = first.trim_end_matches(':');
    let digits = digits.strip_prefix("0x").unwrap_or(digits);
    let has_offset = is_hex(digits) && (first.ends_with(':') || first.len() > 4 && rest.len() > first.len())
        || is_hex(digits) && first.len() == 4 && rest.starts_with("  ");
    let (offset, mut rest) =
        if has_offset { (usize::from_str_radix(digits, 16).ok(), rest.trim_start()) } else { (None, line) };
    let mut bytes = Vec::new();
    loop {
        let (word, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        if !is_hex(word) || !word.len().is_multiple_of(2) {
            break;
        }
        bytes.extend((0..word.len()).step_by(2).filter_map(|at| u8::from_str_radix(&word[at..at + 2], 16).ok()));
        if gap_ends && offset.is_some() && after.starts_with(char::is_whitespace) {
            break;
        }
        rest = after.trim_start();
    }
    (!bytes.is_empty()).then_some((offset, bytes))
}

/// Version and length fit: it begins with an IP header, not with a link header.
fn is_ip(bytes: &[u8]) -> bool {
    let word = |at: usize| bytes.get(at..at + 2).map(|word| usize::from(u16::from_be_bytes([word[0], word[1]])));
    match bytes.first().map(|first| first >> 4) {
        Some(4) => word(2).is_some_and(|len| (20..=bytes.len()).contains(&len)),
        Some(6) => word(4).is_some_and(|len| len + 40 <= bytes.len()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An empty UDP datagram, 10.0.0.9:1 > 10.1.0.9:2.
    const PACKET: [u8; 28] =
        [0x45, 0, 0, 28, 0, 1, 0, 0, 64, 17, 0x65, 0xbe, 10, 0, 0, 9, 10, 1, 0, 9, 0, 1, 0, 2, 0, 8, 0xeb, 0xca];

    #[test]
    fn hex_dumps_of_every_fashion_hold_the_same_packet() {
        let table = [
            "\t0x0000:  4500 001c 0001 0000 4011 65be 0a00 0009  E.......@.e.....\n\t0x0010:  0a01 0009 0001 0002 0008 ebca            ............\n",
            "00000000: 4500 001c 0001 0000 4011 65be 0a00 0009  E.......@.e.....\n00000010: 0a01 0009 0001 0002 0008 ebca            ............\n",
            "00000000  45 00 00 1c 00 01 00 00  40 11 65 be 0a 00 00 09  |E.......@.e.....|\n00000010  0a 01 00 09 00 01 00 02  00 08 eb ca              |............|\n0000001c\n",
            "0000   45 00 00 1c 00 01 00 00 40 11 65 be 0a 00 00 09   E.......@.e.....\n0010   0a 01 00 09 00 01 00 02 00 08 eb ca               abcdefabcdef\n",
            "4500001c0001000040 1165be0a000009\n0a01000900010002 0008ebca\n",
            "45 00 00 1c 00 01 00 00 40 11 65 be 0a 00 00 09 0a 01 00 09 00 01 00 02 00 08 eb ca",
        ];
        for dump in table {
            let frames = parse(dump.as_bytes()).unwrap();
            assert_eq!(frames.len(), 1, "{dump}");
            assert_eq!(frames[0].bytes[14..], PACKET, "{dump}");
            assert_eq!(frames[0].bytes[12..14], [8, 0], "{dump}");
        }
        let twice = format!("{}12:00:01.5 IP 10.0.0.9.1 > 10.1.0.9.2: UDP, length 0\n{}", table[0], table[0]);
        assert_eq!(parse(twice.as_bytes()).unwrap().len(), 2);
    }

    #[test]
    fn captures_are_read_in_both_byte_orders_with_the_time_between_packets() {
        for little in [true, false] {
            let word = |n: u32| if little { n.to_le_bytes() } else { n.to_be_bytes() };
            let mut file = Vec::new();
            for n in [0xa1b2_c3d4, if little { 4 << 16 | 2 } else { 2 << 16 | 4 }, 0, 0, 65535, RAW] {
                file.extend(word(n));
            }
            for n in [0, 3] {
                [7 + n, 500_000, 28, 28].iter().for_each(|n| file.extend(word(*n)));
                file.extend(PACKET);
            }
            let frames = parse(&file).unwrap();
            assert_eq!(frames.iter().map(|frame| frame.after.as_millis()).collect::<Vec<_>>(), [0, 3000]);
            assert_eq!(frames[1].bytes[14..], PACKET);
            assert!(parse(&file[..file.len() - 1]).is_err());
        }
    }

    #[test]
    fn no_file_is_too_strange_to_be_refused() {
        let table: [&[u8]; 5] = [
            &[0x0a, 0x0d, 0x0d, 0x0a, 0, 0, 0, 0],
            &[0xd4, 0xc3, 0xb2, 0xa1],
            &[0xff, 0xfe, 0xfd],
            b"0x0000: 4500\n0x0100: 4500\n",
            &[0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 0xff, 0xff, 0xff, 0xff],
        ];
        for bytes in table {
            assert!(parse(bytes).is_err(), "{bytes:?}");
        }
        assert!(parse(b"no packets here\n").unwrap().is_empty());
    }
}
