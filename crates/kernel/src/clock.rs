//! Time since boot, from the time stamp counter.
//!
//! Its frequency comes from whoever knows it: the hypervisor, the CPU, or else a comparison with the PC's interval
//! timer over at least two milliseconds, which run while the rest of the machine starts. Of that timer channel 0 is used:
//! channel 2 needs port 0x61, which microVMs lack and answer with nonsense.
#![expect(unsafe_code, reason = "the hypervisor writes its clock parameters into our memory")]

use crate::Ring0;
use crate::cpu::{HYPERVISOR, cpuid, tsc, write_msr};
use alloc::boxed::Box;
use core::fmt;
use core::time::Duration;

/// Where the frequency came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockSource {
    /// CPUID leaf 0x40000010, as VMware defined it.
    HypervisorLeaf,
    KvmClock,
    /// CPUID leaf 0x15.
    Cpuid,
    IntervalTimer,
    /// Nobody knew: one nanosecond a tick.
    Guess,
}

/// Nanoseconds since the program began.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: u64,
    hz: u64,
    /// Nanoseconds in 2^32 ticks.
    scale: u64,
    source: ClockSource,
}

const PLAUSIBLE: core::ops::RangeInclusive<u64> = 100_000_000..=10_000_000_000;
/// Oscillator of the interval timer (8254), in Hz.
const TIMER_HZ: u64 = 1_193_182;
/// Its ticks to compare with: 2 ms.
const TIMER_TICKS: u64 = TIMER_HZ / 500;

/// The search for the frequency, as long as it lasts. Who knows it is asked at once; where nobody does, the interval
/// timer runs beside whatever else there is to do, and nobody need wait for it.
#[derive(Clone, Copy, Debug)]
pub struct Calibration {
    start: u64,
    known: Option<(ClockSource, u64)>,
    /// The interval timer at the beginning, where it is needed.
    timer: Option<Look>,
}

impl Calibration {
    /// Begins. Time 0 was at the counter's value `start`. Needs the heap.
    pub fn begin(ring0: Ring0, start: u64) -> Self {
        use ClockSource::{Cpuid, HypervisorLeaf, KvmClock};
        let known = [HypervisorLeaf, KvmClock, Cpuid].into_iter().find_map(|source| {
            let hz = match source {
                HypervisorLeaf => hypervisor_leaf(),
                KvmClock => kvm_clock(ring0),
                _ => cpuid_frequency(),
            };
            Some((source, hz.filter(|hz| PLAUSIBLE.contains(hz))?))
        });
        let timer = known.is_none().then(|| start_interval_timer(ring0));
        Self { start, known, timer }
    }

    /// Ends, once the interval timer has run for two milliseconds, if it is needed.
    pub fn finish(self, ring0: Ring0) -> Clock {
        let Self { start, known, timer } = self;
        let (source, hz) = known
            .or_else(|| {
                // A timer that had run down before anybody looked starts over.
                let compare = |begin| interval_timer(ring0, begin);
                let hz = timer.and_then(compare).or_else(|| compare(start_interval_timer(ring0)));
                Some((ClockSource::IntervalTimer, hz.filter(|hz| PLAUSIBLE.contains(hz))?))
            })
            .unwrap_or((ClockSource::Guess, 1_000_000_000));
        Clock::with_frequency(start, hz, source)
    }
}

impl Clock {
    /// The counter now, for [`Calibration::begin`].
    pub fn start() -> u64 {
        tsc()
    }

    fn with_frequency(start: u64, hz: u64, source: ClockSource) -> Self {
        Self { start, hz, scale: ((1_000_000_000u128 << 32) / u128::from(hz)) as u64, source }
    }

    /// Nanoseconds since the start.
    #[inline]
    pub fn nanos(&self) -> u64 {
        self.scaled(tsc().wrapping_sub(self.start))
    }

    pub fn now(&self) -> Duration {
        Duration::from_nanos(self.nanos())
    }

    pub fn source(&self) -> ClockSource {
        self.source
    }

    /// Ticks in a second.
    pub fn hz(&self) -> u64 {
        self.hz
    }

    /// How long these ticks take.
    pub fn duration(&self, ticks: u64) -> Duration {
        Duration::from_nanos(self.scaled(ticks))
    }

    #[inline]
    fn scaled(&self, ticks: u64) -> u64 {
        ((u128::from(ticks) * u128::from(self.scale)) >> 32) as u64
    }
}

fn hypervisor_leaf() -> Option<u64> {
    let last = if cpuid(1, 0).ecx >> 31 != 0 { cpuid(HYPERVISOR, 0).eax } else { 0 };
    (HYPERVISOR + 0x10..HYPERVISOR + 0x100).contains(&last).then(|| u64::from(cpuid(HYPERVISOR + 0x10, 0).eax) * 1000)
}

/// Leaf 0x15: the counter runs at crystal × EBX / EAX.
fn cpuid_frequency() -> Option<u64> {
    let leaf = (cpuid(0, 0).eax >= 0x15).then(|| cpuid(0x15, 0))?;
    (u64::from(leaf.ecx) * u64::from(leaf.ebx)).checked_div(leaf.eax.into())
}

/// KVM's paravirtual clock (Linux `Documentation/virt/kvm/x86/msr.rst`), of which only the frequency is of interest.
fn kvm_clock(ring0: Ring0) -> Option<u64> {
    const SYSTEM_TIME: u32 = 0x4b56_4d01;
    #[repr(C, align(64))]
    struct VcpuTime {
        words: [u32; 8],
    }
    if cpuid(1, 0).ecx >> 31 == 0 {
        return None;
    }
    let signature = cpuid(HYPERVISOR, 0);
    let name = [signature.ebx, signature.ecx, signature.edx].map(u32::to_le_bytes);
    if name.as_flattened() != b"KVMKVMKVM\0\0\0" || cpuid(HYPERVISOR + 1, 0).eax >> 3 & 1 == 0 {
        return None;
    }
    let time = Box::into_raw(Box::new(VcpuTime { words: [0; 8] }));
    // SAFETY: KVM writes into this allocation, which nobody else uses, until it is told to stop by the zero; the heap
    // is mapped one to one. The volatile reads see what it wrote. Then the allocation is given back.
    let words = unsafe {
        write_msr(ring0, SYSTEM_TIME, time as u64 | 1);
        let words = (&raw const (*time).words).read_volatile();
        write_msr(ring0, SYSTEM_TIME, 0);
        drop(Box::from_raw(time));
        words
    };
    kvm_frequency(words[6], (words[7] & 0xff) as i8)
}

/// Nanoseconds are ticks × 2^shift × mul / 2^32; so a second has this many ticks.
fn kvm_frequency(mul: u32, shift: i8) -> Option<u64> {
    let hz = (1_000_000_000u128 << 32).checked_div(mul.into())?;
    let hz = if shift < 0 { hz.checked_shl(shift.unsigned_abs().into())? } else { hz >> shift.min(64) };
    u64::try_from(hz).ok()
}

const COUNTER: u16 = 0x40;
const COMMAND: u16 = 0x43;
/// Channel 0, low then high byte, mode 0: counts down from 65,536, which takes 55 ms, and then says so.
const ONE_SHOT: u8 = 0x30;
/// Latch the status and the count of channel 0.
const READ_BACK: u8 = 0xc2;
/// Of the status: the count is at its end, and the count was never loaded.
const OUTPUT: u8 = 0x80;
const NULL_COUNT: u8 = 0x40;

/// Both clocks at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Look {
    /// How long it took to look, in ticks of the time stamp counter, …
    took: u64,
    /// … which was this in the middle of it.
    tsc: u64,
    /// Ticks of the interval timer since it began.
    passed: u64,
    /// It has not run down.
    running: bool,
}

/// Starts it, and looks.
fn start_interval_timer(ring0: Ring0) -> Look {
    ring0.out8(COMMAND, ONE_SHOT);
    ring0.out8(COUNTER, 0);
    ring0.out8(COUNTER, 0);
    good_look(ring0)
}

/// Compares with the interval timer since `start`, waiting until it has run for 2 ms. `None` if it has run down, or
/// there is none.
fn interval_timer(ring0: Ring0, start: Look) -> Option<u64> {
    (0..1_000_000).map(|_| look(ring0)).find(|look| !look.running || look.passed >= start.passed + TIMER_TICKS)?;
    let end = good_look(ring0);
    (start.running && end.running).then(|| frequency(end.tsc - start.tsc, end.passed - start.passed))?
}

fn look(ring0: Ring0) -> Look {
    let before = tsc();
    ring0.out8(COMMAND, READ_BACK);
    let took = tsc() - before;
    let status = ring0.in8(COUNTER);
    let count = u16::from_le_bytes([ring0.in8(COUNTER), ring0.in8(COUNTER)]);
    let running = status & (OUTPUT | NULL_COUNT) == 0;
    Look { took, tsc: before + took / 2, passed: u64::from(count.wrapping_neg()), running }
}

/// Somebody may take the CPU away between the two clocks, so the quickest of a few looks counts.
fn good_look(ring0: Ring0) -> Look {
    let first = look(ring0);
    (0..3).map(|_| look(ring0)).fold(first, Look::min)
}

fn frequency(ticks: u64, timer_ticks: u64) -> Option<u64> {
    u64::try_from((u128::from(ticks) * u128::from(TIMER_HZ)).checked_div(timer_ticks.into())?).ok()
}

impl fmt::Display for ClockSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HypervisorLeaf => "the hypervisor",
            Self::KvmClock => "kvm-clock",
            Self::Cpuid => "the CPU",
            Self::IntervalTimer => "the interval timer",
            Self::Guess => "a guess: nobody knows its frequency",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_of_ticks_is_a_second() {
        for hz in [100_000_000, 1_000_000_000, 2_254_700_000, 10_000_000_000] {
            let clock = Clock::with_frequency(0, hz, ClockSource::Guess);
            for seconds in [1, 60, 86_400 * 365 * 10] {
                let nanos = clock.scaled(hz * seconds);
                assert!(nanos.abs_diff(seconds * 1_000_000_000) <= 2 * seconds, "{hz} Hz, {seconds} s: {nanos} ns");
            }
            assert_eq!(clock.duration(hz), Duration::from_nanos(clock.scaled(hz)));
        }
    }

    #[test]
    fn kvm_says_its_frequency_by_multiplier_and_shift() {
        assert_eq!(kvm_frequency(1 << 31, 0), Some(2_000_000_000));
        assert_eq!(kvm_frequency(1 << 31, -1), Some(4_000_000_000));
        assert_eq!(kvm_frequency(1 << 31, 1), Some(1_000_000_000));
        assert_eq!(kvm_frequency(0, 0), None);
    }

    #[test]
    fn the_interval_timer_counts_in_its_own_ticks() {
        assert_eq!(frequency(4_000_000, TIMER_HZ / 500), Some(2_000_305_113));
        assert_eq!(frequency(1, 0), None);
    }
}
