//! A moment of the proleptic Gregorian calendar, in UTC.

use core::fmt;
use wire::Duration;

const DAY: u64 = 86_400;
const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Displays as RFC 5424 §6.2.3 writes it: `2003-10-11T22:14:15.003Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date {
    year: u64,
    /// From 1.
    month: u8,
    day: u8,
    /// From Sunday, which is 0.
    weekday: u8,
    /// Of the day.
    millis: u32,
}

impl Date {
    /// `unix` after 1970-01-01T00:00:00Z.
    pub fn from_unix(unix: Duration) -> Self {
        let days = unix.as_secs() / DAY;
        let millis = (unix.as_secs() % DAY) as u32 * 1000 + unix.subsec_millis();
        // Counted from 0000-03-01, so that a leap day is the last of its year; 400 years have 146,097 days, and from
        // March on the months have 153 days in every five.
        let shifted = days + 719_468;
        let (era, of_era) = (shifted / 146_097, shifted % 146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * of_year + 2) / 153;
        let day = (of_year - (153 * month_from_march + 2) / 5 + 1) as u8;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 } as u8;
        let year = era * 400 + year_of_era + u64::from(month <= 2);
        // 1970-01-01 was a Thursday.
        Self { year, month, day, weekday: ((days + 4) % 7) as u8, millis }
    }

    /// As `%c` of the C locale writes it: `Sat Oct 11 22:14:15 2003`.
    pub fn ctime(self) -> impl fmt::Display {
        Ctime(self)
    }

    fn time(self) -> (u32, u32, u32, u32) {
        let secs = self.millis / 1000;
        (secs / 3600, secs / 60 % 60, secs % 60, self.millis % 1000)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hour, minute, second, millis) = self.time();
        let Self { year, month, day, .. } = self;
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
    }
}

struct Ctime(Date);

impl fmt::Display for Ctime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hour, minute, second, _) = self.0.time();
        let weekday = WEEKDAYS.get(usize::from(self.0.weekday)).copied().unwrap_or_default();
        let month = MONTHS.get(usize::from(self.0.month) - 1).copied().unwrap_or_default();
        write!(f, "{weekday} {month} {:2} {hour:02}:{minute:02}:{second:02} {}", self.0.day, self.0.year)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn a_date_is_what_the_calendar_says() {
        let table = [
            (0, "1970-01-01T00:00:00.000Z", "Thu Jan  1 00:00:00 1970"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z", "Tue Feb 29 00:00:00 2000"),
            (951_868_799_999, "2000-02-29T23:59:59.999Z", "Tue Feb 29 23:59:59 2000"),
            (1_065_910_455_003, "2003-10-11T22:14:15.003Z", "Sat Oct 11 22:14:15 2003"),
            (1_709_251_199_000, "2024-02-29T23:59:59.000Z", "Thu Feb 29 23:59:59 2024"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z", "Mon Mar  1 00:00:00 2100"),
        ];
        for (millis, rfc5424, ctime) in table {
            let date = Date::from_unix(Duration::from_millis(millis));
            assert_eq!((date.to_string().as_str(), date.ctime().to_string().as_str()), (rfc5424, ctime));
        }
    }
}
