//! The CPU: what it is, its model-specific registers, its time stamp counter.
#![expect(unsafe_code, reason = "privileged instructions")]

pub mod apic;
pub mod interrupt;
pub mod io_apic;

use crate::Ring0;
use core::arch::asm;
use core::arch::x86_64::{__cpuid, __cpuid_count, _rdtsc, CpuidResult};

/// What we ask of a CPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuFeatures {
    /// Enhanced REP MOVSB, and no emulator that merely claims it.
    pub fast_string_bytes: bool,
    pub rdrand: bool,
    /// Runs under a hypervisor, which signs with these 12 bytes.
    pub hypervisor: Option<[u8; 12]>,
}

pub fn features() -> CpuFeatures {
    let ones = cpuid(1, 0);
    let hypervisor = (ones.ecx >> 31 & 1 != 0).then(|| {
        let leaf = cpuid(HYPERVISOR, 0);
        let mut name = [0; 12];
        for (part, value) in name.chunks_exact_mut(4).zip([leaf.ebx, leaf.ecx, leaf.edx]) {
            part.copy_from_slice(&value.to_le_bytes());
        }
        name
    });
    let erms = cpuid(0, 0).eax >= 7 && cpuid(7, 0).ebx >> 9 & 1 != 0;
    CpuFeatures {
        fast_string_bytes: erms && hypervisor != Some(*b"TCGTCGTCGTCG"),
        rdrand: ones.ecx >> 30 & 1 != 0,
        hypervisor,
    }
}

/// The first CPUID leaf of hypervisors.
pub(crate) const HYPERVISOR: u32 = 0x4000_0000;

pub(crate) fn cpuid(leaf: u32, subleaf: u32) -> CpuidResult {
    if subleaf == 0 { __cpuid(leaf) } else { __cpuid_count(leaf, subleaf) }
}

/// The time stamp counter.
#[inline(always)]
pub(crate) fn tsc() -> u64 {
    // SAFETY: every x86-64 CPU has it, and nothing of ours forbids it (CR4.TSD).
    unsafe { _rdtsc() }
}

/// Reads a model-specific register, one that the CPU has: others fault.
pub(crate) fn read_msr(_ring0: Ring0, register: u32) -> u64 {
    let (high, low): (u32, u32);
    // SAFETY: the witness allows it; reading has no effect on memory.
    unsafe {
        asm!("rdmsr", in("ecx") register, out("eax") low, out("edx") high, options(nomem, nostack, preserves_flags))
    }
    u64::from(high) << 32 | u64::from(low)
}

/// # Safety
///
/// What this value makes the CPU do must be sound.
pub(crate) unsafe fn write_msr(_ring0: Ring0, register: u32, value: u64) {
    // SAFETY: the caller's promise.
    unsafe {
        asm!("wrmsr", in("ecx") register, in("eax") value as u32, in("edx") (value >> 32) as u32, options(nostack, preserves_flags));
    }
}

/// 64 random bits from the CPU, if it has any to give.
pub(crate) fn rdrand() -> Option<u64> {
    let (value, good): (u64, u8);
    // SAFETY: the caller has seen `CpuFeatures::rdrand`; without it the instruction would fault, not corrupt.
    unsafe { asm!("rdrand {}", "setc {}", out(reg) value, out(reg_byte) good, options(nomem, nostack)) }
    (good != 0).then_some(value)
}
