//! Log datagrams, read back: what the box sends to its syslog server (RFC 5424 over UDP, RFC 5426).
//!
//! ```text
//! <PRI>1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID - MSG
//! ```

use std::net::IpAddr;
use std::str::FromStr;

/// The fields of a message that a test may want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Facility × 8 + severity.
    pub pri: u8,
    pub timestamp: String,
    pub hostname: Option<IpAddr>,
    pub app_name: String,
    pub text: String,
}

/// The datagram is no message of this shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoMessage;

impl Message {
    /// 0 (emergency) to 7 (debug).
    pub const fn severity(&self) -> u8 {
        self.pri & 7
    }
}

impl FromStr for Message {
    type Err = NoMessage;

    fn from_str(datagram: &str) -> Result<Self, NoMessage> {
        let (pri, rest) = datagram.strip_prefix('<').and_then(|rest| rest.split_once(">1 ")).ok_or(NoMessage)?;
        let mut fields = rest.splitn(7, ' ');
        let mut next = || fields.next().ok_or(NoMessage);
        let (timestamp, hostname, app_name) = (next()?.to_owned(), next()?.parse().ok(), next()?.to_owned());
        let (_procid, _msgid, structured_data) = (next()?, next()?, next()?);
        if structured_data != "-" {
            return Err(NoMessage);
        }
        let pri = pri.parse().map_err(|_| NoMessage)?;
        Ok(Self { pri, timestamp, hostname, app_name, text: next()?.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_field_by_field() {
        let message: Message =
            "<14>1 2026-01-01T00:00:00.000Z 192.168.0.1 saltgate 1 UDPOUT - a  b - c".parse().unwrap();
        assert_eq!((message.pri, message.severity(), &message.text[..]), (14, 6, "a  b - c"));
        assert_eq!(message.hostname, Some([192, 168, 0, 1].into()));
        for wrong in ["", "<14>", "<x>1 t h a 1 m - text", "<14>2 t h a 1 m - text", "<14>1 t h a 1 m"] {
            assert_eq!(wrong.parse::<Message>(), Err(NoMessage), "{wrong}");
        }
    }
}
