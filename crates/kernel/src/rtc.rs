//! The time of day, from the PC's battery-backed clock.

use crate::Ring0;
use core::time::Duration;

/// Time since 1970-01-01T00:00:00Z, taking the clock to show UTC; `None` where there is none, or it shows nonsense.
pub fn wall_clock(ring0: Ring0) -> Option<Duration> {
    let read = |register: u8| {
        ring0.out8(0x70, register);
        ring0.in8(0x71)
    };
    // The registers are not latched: they are read until two readings agree, outside of updates.
    let mut last = None;
    for _ in 0..1000 {
        if read(0x0a) & 0x80 != 0 {
            continue;
        }
        let registers = [0x00, 0x02, 0x04, 0x07, 0x08, 0x09, 0x32].map(read);
        if last == Some(registers) {
            return decode(registers, read(0x0b)).map(Duration::from_secs);
        }
        last = Some(registers);
    }
    None
}

/// Seconds since 1970 from second, minute, hour, day, month, year, century and status register B.
fn decode([second, minute, hour, day, month, year, century]: [u8; 7], status: u8) -> Option<u64> {
    let binary = status & 4 != 0;
    let number = |value: u8| u64::from(if binary { value } else { (value >> 4) * 10 + (value & 15) });
    let full_day = status & 2 != 0;
    let hour = match (full_day, hour & 0x80 != 0, number(hour & 0x7f)) {
        (true, _, _) => number(hour),
        (false, afternoon, at) => at % 12 + if afternoon { 12 } else { 0 },
    };
    let (second, minute, day, month) = (number(second), number(minute), number(day), number(month));
    let century = match number(century) {
        at @ 19..=21 => at,
        _ => 20,
    };
    let year = century * 100 + number(year);
    let sane =
        second < 61 && minute < 60 && hour < 24 && (1..=31).contains(&day) && (1..=12).contains(&month) && year >= 1970;
    sane.then(|| days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar. Years begin in March, so that leap days come last.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = if month < 3 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_become_seconds_since_1970() {
        //  second minute hour day month year century, status B, unix time
        let table = [
            ([0x00, 0x00, 0x00, 0x01, 0x01, 0x70, 0x19], 2, 0),
            ([0x07, 0x46, 0x01, 0x19, 0x11, 0x26, 0x20], 2, 1_795_052_767),
            ([7, 46, 1, 19, 11, 26, 20], 6, 1_795_052_767),
            ([0x59, 0x59, 0x23, 0x29, 0x02, 0x00, 0x20], 2, 951_868_799),
            ([0x00, 0x00, 0x12, 0x01, 0x01, 0x70, 0x19], 0, 0),
            ([0x00, 0x00, 0x92, 0x01, 0x01, 0x70, 0x19], 0, 43_200),
            ([0x00, 0x00, 0x00, 0x01, 0x03, 0x24, 0x00], 2, 1_709_251_200),
        ];
        for (registers, status, unix) in table {
            assert_eq!(decode(registers, status), Some(unix), "{registers:x?}");
        }
    }

    #[test]
    fn a_clock_that_is_not_there_tells_no_time() {
        assert_eq!(decode([0xff; 7], 0xff), None);
        assert_eq!(decode([0; 7], 0), None);
    }
}
