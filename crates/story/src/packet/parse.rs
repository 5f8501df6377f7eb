//! The notation of packets, read.

use super::names::{self, ICMP, ICMPV6, PROTOCOLS};
use super::{Extension, Key, Kind, Message, Number, Packet, Shape};
use crate::text::{Diagnostic, Span, Token, TokenKind, did_you_mean};
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;
use wire::MacAddr;

/// Words that begin a packet.
const HEADS: &[&str] = &["tcp", "udp", "icmp", "icmpv6", "ip", "arp", "hex", "frame"];
/// Words of fields that are no [`Key`].
const FIELDS: &[&str] = &["via", "from", "to", "ext", "ipopt", "data", "echo", "target"];

/// A walk over the words of a line.
#[derive(Clone, Debug)]
pub struct Cursor<'a> {
    tokens: &'a [Token<'a>],
    /// Where the line ends.
    end: Span,
}

impl<'a> Cursor<'a> {
    /// `line` is the place of the whole line.
    pub fn new(tokens: &'a [Token<'a>], line: Span) -> Self {
        let end = tokens.last().map_or(line, |last| Span { start: last.span.end, end: last.span.end + 1, ..last.span });
        Self { tokens, end }
    }

    /// The place of the next word, or of the line's end.
    pub fn span(&self) -> Span {
        self.tokens.first().map_or(self.end, |token| token.span)
    }

    pub const fn is_at_end(&self) -> bool {
        self.tokens.is_empty()
    }

    pub fn peek(&self) -> Option<&'a TokenKind<'a>> {
        self.tokens.first().map(|token| &token.kind)
    }

    pub fn peek_word(&self) -> Option<&'a str> {
        match self.peek() {
            Some(TokenKind::Word(word)) => Some(word),
            _ => None,
        }
    }

    pub fn advance(&mut self) {
        self.tokens = self.tokens.get(1..).unwrap_or_default();
    }

    /// Takes the next word if it is this one.
    pub fn eat(&mut self, word: &str) -> bool {
        let here = self.peek_word() == Some(word);
        if here {
            self.advance();
        }
        here
    }

    /// Takes the next word; `what` says what should have stood there.
    pub fn word(&mut self, what: &str) -> Result<(&'a str, Span), Diagnostic> {
        let span = self.span();
        match self.peek() {
            Some(TokenKind::Word(word)) => {
                self.advance();
                Ok((word, span))
            }
            Some(_) => Err(Diagnostic::new(span, format!("{what} should stand here"))),
            None => Err(Diagnostic::new(span, format!("the line ends where {what} should stand"))),
        }
    }

    /// Takes the next word as a `T`.
    pub fn value<T: FromStr>(&mut self, what: &str) -> Result<T, Diagnostic> {
        let (word, span) = self.word(what)?;
        word.parse().map_err(|_| Diagnostic::new(span, format!("`{word}` is not {what}")))
    }

    /// Takes `"…"`.
    pub fn text(&mut self, what: &str) -> Result<String, Diagnostic> {
        match self.peek() {
            Some(TokenKind::Text(text)) => {
                self.advance();
                Ok(text.clone())
            }
            _ => Err(Diagnostic::new(self.span(), format!("{what} should stand here, in `\"…\"`"))),
        }
    }

    fn expect(&mut self, word: &str, after: &str) -> Result<(), Diagnostic> {
        let span = self.span();
        if self.eat(word) { Ok(()) } else { Err(Diagnostic::new(span, format!("`{word}` should stand here, {after}"))) }
    }
}

/// Reads a packet, up to the end of the line, a `]`, or a repetition (`x3`).
pub fn parse(cursor: &mut Cursor<'_>) -> Result<Packet, Diagnostic> {
    let (head, span) = cursor.word("a packet")?;
    let kind = match head {
        "tcp" => Kind::Tcp,
        "udp" => Kind::Udp,
        "icmp" => Kind::Icmp(message(cursor, ICMP, "an ICMP message")?),
        "icmpv6" => Kind::Icmpv6(message(cursor, ICMPV6, "an ICMPv6 message")?),
        "ip" => Kind::Ip(protocol(cursor)?),
        "arp" => arp(cursor)?,
        "hex" => Kind::Hex(bytes(cursor)?),
        "frame" => Kind::Frame(bytes(cursor)?),
        other => match PROTOCOLS.iter().find(|(name, _)| *name == other) {
            Some((_, number)) => Kind::Ip(*number),
            None => {
                let error = Diagnostic::new(span, format!("`{other}` begins no packet"));
                let all = HEADS.iter().copied().chain(PROTOCOLS.iter().map(|(name, _)| *name));
                return Err(match did_you_mean(other, all) {
                    Some(name) => error.help(format!("did you mean `{name}`?")),
                    None => error.help(format!("packets begin with one of {}", HEADS.join(", "))),
                });
            }
        },
    };
    let mut packet = Packet::new(kind, span);
    if !packet.is_arp() && !matches!(packet.kind, Kind::Hex(_) | Kind::Frame(_)) {
        endpoints(cursor, &mut packet)?;
    }
    while let Some(token) = cursor.peek() {
        match token {
            TokenKind::Close => break,
            TokenKind::Word(word) if is_times(word) => break,
            TokenKind::Word(_) => field(cursor, &mut packet)?,
            TokenKind::Open => {
                let open = cursor.span();
                cursor.advance();
                let quote = parse(cursor)?;
                if cursor.peek() != Some(&TokenKind::Close) {
                    return Err(Diagnostic::new(open, "this quoted packet has no closing `]`"));
                }
                cursor.advance();
                if !matches!(packet.kind, Kind::Icmp(_) | Kind::Icmpv6(_)) {
                    return Err(Diagnostic::new(open, "only ICMP and ICMPv6 messages quote a packet"));
                }
                packet.quote = Some(Box::new(quote));
            }
            TokenKind::Text(_) => return Err(Diagnostic::new(cursor.span(), "a text has no place here")),
        }
    }
    Ok(packet)
}

/// `x3`, `x1..4`, `x..9`, `x1..`
pub fn is_times(word: &str) -> bool {
    word.strip_prefix('x').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit() || c == '.'))
}

fn message(cursor: &mut Cursor<'_>, names: &[(&str, u8, u8)], what: &str) -> Result<Message, Diagnostic> {
    let (word, span) = cursor.word(what)?;
    let word = if word == "echo" { "echo-request" } else { word };
    if let Some((_, kind, code)) = names.iter().find(|(name, ..)| *name == word) {
        return Ok(Message { kind: *kind, code: Some(*code), target: None });
    }
    let (kind, code) = word.split_once('/').map_or((word, None), |(kind, code)| (kind, Some(code)));
    match (kind.parse(), code.map(str::parse).transpose()) {
        (Ok(kind), Ok(code)) => Ok(Message { kind, code, target: None }),
        _ => {
            let error = Diagnostic::new(span, format!("`{word}` is not {what}"));
            Err(match did_you_mean(word, names.iter().map(|(name, ..)| *name)) {
                Some(name) => error.help(format!("did you mean `{name}`?")),
                None => error.help("write its word, its TYPE or TYPE/CODE"),
            })
        }
    }
}

fn protocol(cursor: &mut Cursor<'_>) -> Result<u8, Diagnostic> {
    let (word, span) = cursor.word("a protocol")?;
    let known = PROTOCOLS.iter().find(|(name, _)| *name == word).map(|(_, number)| *number);
    known.or_else(|| word.parse().ok()).ok_or_else(|| {
        Diagnostic::new(span, format!("`{word}` is no protocol")).help("a number from 0 to 255, or a name as `gre`")
    })
}

fn arp(cursor: &mut Cursor<'_>) -> Result<Kind, Diagnostic> {
    if cursor.eat("who-has") {
        let target = cursor.value("an IPv4 address")?;
        cursor.expect("tell", "and then who asks")?;
        return Ok(Kind::ArpRequest { target, sender: cursor.value("an IPv4 address")? });
    }
    let sender = cursor.value("an IPv4 address, or `who-has`")?;
    cursor.expect("is-at", "and then a MAC address or `*`")?;
    let mac = if cursor.eat("*") { None } else { Some(cursor.value("a MAC address, or `*`")?) };
    Ok(Kind::ArpReply { sender, mac })
}

/// Words of hexadecimal digits, until another word comes.
fn bytes(cursor: &mut Cursor<'_>) -> Result<Vec<u8>, Diagnostic> {
    let mut bytes = Vec::new();
    while let Some(word) = cursor.peek_word() {
        if !word.bytes().all(|b| b.is_ascii_hexdigit()) {
            break;
        }
        if word.len() % 2 != 0 {
            return Err(Diagnostic::new(cursor.span(), "an odd number of hexadecimal digits"));
        }
        let octets = (0..word.len()).step_by(2).filter_map(|at| u8::from_str_radix(word.get(at..at + 2)?, 16).ok());
        bytes.extend(octets);
        cursor.advance();
    }
    if bytes.is_empty() {
        return Err(Diagnostic::new(cursor.span(), "hexadecimal digits should stand here"));
    }
    Ok(bytes)
}

fn endpoints(cursor: &mut Cursor<'_>, packet: &mut Packet) -> Result<(), Diagnostic> {
    packet.src = endpoint(cursor, packet, Key::Sport)?;
    cursor.expect(">", "between source and destination")?;
    let span = cursor.span();
    packet.dst = endpoint(cursor, packet, Key::Dport)?;
    if let (Some(src), Some(dst)) = (packet.src, packet.dst)
        && src.is_ipv4() != dst.is_ipv4()
    {
        return Err(Diagnostic::new(span, "source and destination are of different families"));
    }
    let family = packet.src.or(packet.dst).map(|address| address.is_ipv4());
    let wrong = match packet.kind {
        Kind::Icmp(_) => family == Some(false),
        Kind::Icmpv6(_) => family == Some(true),
        _ => false,
    };
    if wrong {
        return Err(Diagnostic::new(span, "icmp is for IPv4 and icmpv6 for IPv6"));
    }
    if matches!(packet.kind, Kind::Tcp)
        && let Some(flags) = cursor.peek_word().and_then(names::flags)
    {
        cursor.advance();
        packet.set(Key::Flags, u64::from(flags));
    }
    Ok(())
}

/// `A`, `A:PORT`, `[A6]:PORT`, `*`, `*:PORT`; a port is a number, `*` or `$name`.
fn endpoint(cursor: &mut Cursor<'_>, packet: &mut Packet, port: Key) -> Result<Option<IpAddr>, Diagnostic> {
    let (word, span) = cursor.word("an address")?;
    let (address, number) = if word.parse::<Ipv6Addr>().is_ok() {
        (word, None)
    } else if let Some(rest) = word.strip_prefix('[') {
        let (address, rest) = rest.split_once(']').unwrap_or((rest, ""));
        (address, rest.strip_prefix(':'))
    } else {
        word.split_once(':').map_or((word, None), |(address, number)| (address, Some(number)))
    };
    if let Some(text) = number {
        if !port.applies_to(&packet.kind) {
            return Err(Diagnostic::new(span, "only tcp and udp have ports"));
        }
        packet.numbers.insert(port, number_of(text, port, span)?);
    }
    if address == "*" {
        return Ok(None);
    }
    address.parse().map(Some).map_err(|_| {
        Diagnostic::new(span, format!("`{address}` is no IP address"))
            .help("192.0.2.1, 192.0.2.1:80, 2001:db8::1, [2001:db8::1]:80, or * for any")
    })
}

fn number_of(text: &str, key: Key, span: Span) -> Result<Number, Diagnostic> {
    if text == "*" {
        return Ok(Number::Any);
    }
    if let Some(name) = text.strip_prefix('$') {
        return if name.is_empty() {
            Err(Diagnostic::new(span, "a name should follow `$`"))
        } else {
            Ok(Number::Named(name.to_owned()))
        };
    }
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    match parsed {
        Ok(value) if value <= key.max() => Ok(Number::Is(value)),
        Ok(_) => Err(Diagnostic::new(span, format!("`{}` is at most {}", key.name(), key.max()))),
        Err(_) => {
            Err(Diagnostic::new(span, format!("`{text}` is no number")).help("a number, `*` for any, or `$name`"))
        }
    }
}

fn field(cursor: &mut Cursor<'_>, packet: &mut Packet) -> Result<(), Diagnostic> {
    let (word, span) = cursor.word("a field")?;
    let (bare, value) = word.strip_prefix("no-").map_or((word, 1), |bare| (bare, 0));
    let key = Key::ALL.iter().copied().find(|key| key.name() == bare && key.shape() != Shape::Own);
    match key {
        Some(key) if value == 1 || key.shape() == Shape::Switch => {
            let value = match key.shape() {
                Shape::Switch => Number::Is(value),
                Shape::Number | Shape::Own => {
                    let (text, span) = cursor.word("a number")?;
                    number_of(text, key, span)?
                }
            };
            if !key.applies_to(&packet.kind) {
                return Err(Diagnostic::new(span, format!("this packet has no `{bare}`")));
            }
            if packet.numbers.insert(key, value).is_some() {
                return Err(Diagnostic::new(span, format!("`{bare}` is named twice")));
            }
            Ok(())
        }
        _ => other_field(cursor, packet, word, span),
    }
}

fn other_field(cursor: &mut Cursor<'_>, packet: &mut Packet, word: &str, span: Span) -> Result<(), Diagnostic> {
    match word {
        "via" => packet.via = Some(cursor.value("an IP address")?),
        "from" => packet.src_mac = Some(cursor.value::<Mac>("a MAC address")?.0),
        "to" => packet.dst_mac = Some(cursor.value::<Mac>("a MAC address")?.0),
        "ipopt" => packet.ip_options = Some(bytes(cursor)?),
        "data" => {
            packet.data = Some(match cursor.peek() {
                Some(TokenKind::Text(text)) => {
                    cursor.advance();
                    text.clone().into_bytes()
                }
                _ => bytes(cursor)?,
            });
        }
        "ext" => packet.extensions = Some(extensions(cursor)?),
        "echo" if Key::EchoId.applies_to(&packet.kind) => {
            let (text, span) = cursor.word("ID/SEQ")?;
            let (id, seq) = text.split_once('/').unwrap_or((text, "*"));
            packet.numbers.insert(Key::EchoId, number_of(id, Key::EchoId, span)?);
            packet.numbers.insert(Key::EchoSeq, number_of(seq, Key::EchoSeq, span)?);
        }
        "target" => {
            let target = cursor.value("an IPv6 address")?;
            match &mut packet.kind {
                Kind::Icmpv6(message) => message.target = Some(target),
                _ => return Err(Diagnostic::new(span, "only neighbor discovery has a target")),
            }
        }
        "mark" => {
            return Err(Diagnostic::new(span, "a packet on a wire has no mark")
                .help("marks exist inside a router only, and NaCl has none"));
        }
        _ => {
            let error = Diagnostic::new(span, format!("`{word}` is no field of a packet"));
            let keys = Key::ALL.iter().filter(|key| key.shape() != Shape::Own).map(|key| key.name());
            return Err(match did_you_mean(word, keys.chain(FIELDS.iter().copied())) {
                Some(name) => error.help(format!("did you mean `{name}`?")),
                None => error,
            });
        }
    }
    Ok(())
}

/// A MAC address, of a host or as it is.
struct Mac(MacAddr);

impl FromStr for Mac {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if text == "broadcast" {
            return Ok(Self(MacAddr::BROADCAST));
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self(sim::mac_of(address)));
        }
        text.parse().map(Self).map_err(|_| ())
    }
}

fn extensions(cursor: &mut Cursor<'_>) -> Result<Vec<Extension>, Diagnostic> {
    let (word, span) = cursor.word("extension headers")?;
    let mut extensions = Vec::new();
    for name in word.split(',') {
        let (name, count) = name.split_once('*').map_or((name, Ok(1)), |(name, count)| (name, count.parse()));
        let extension = match name {
            "hbh" => Some(Extension::HopByHop),
            "dst" => Some(Extension::Destination),
            _ => name.strip_prefix("rh").and_then(|kind| kind.parse().ok()).map(Extension::Routing),
        };
        match (extension, count) {
            (Some(extension), Ok(count @ 1..=64)) => extensions.extend(std::iter::repeat_n(extension, count)),
            _ => {
                return Err(Diagnostic::new(span, format!("`{name}` is no extension header"))
                    .help("hbh, dst, rhTYPE, joined by commas; dst*9 for nine of them"));
            }
        }
    }
    Ok(extensions)
}
