//! Which instructions may be used.

/// The widest vector instructions that may be used here and now.
///
/// Found by [`detect`](Self::detect); narrowed by [`at_most`](Self::at_most), for tests, for measurements, and for a
/// kernel whose interrupt handlers would not save the wider registers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Level(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Scalar,
    #[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "never constructed elsewhere"))]
    Sse2,
    #[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "never constructed elsewhere"))]
    Avx2,
}

impl Level {
    /// No vector instructions: what the others are compared with.
    pub const SCALAR: Self = Self(Kind::Scalar);

    /// What every x86-64 CPU has; plain Rust elsewhere.
    pub const FLOOR: Self = Self(if cfg!(target_arch = "x86_64") { Kind::Sse2 } else { Kind::Scalar });

    /// The widest that both the CPU has (CPUID) and the operating system has enabled (XCR0: Intel SDM vol. 1
    /// §14.3, §14.7.1). On a CPU that QEMU emulates, none: there a vector instruction costs as much as dozens of others.
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if is_emulated() {
            return Self::SCALAR;
        } else if has_avx2() {
            return Self(Kind::Avx2);
        }
        Self::FLOOR
    }

    /// The narrower of the two.
    pub fn at_most(self, other: Self) -> Self {
        self.min(other)
    }

    pub const fn name(self) -> &'static str {
        match self.0 {
            Kind::Scalar => "scalar",
            Kind::Sse2 => "sse2",
            Kind::Avx2 => "avx2",
        }
    }

    #[inline(always)]
    pub(crate) const fn kind(self) -> Kind {
        self.0
    }
}

impl core::fmt::Debug for Level {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}

/// QEMU without virtualization says so in the leaf that hypervisors leave their names in.
#[cfg(target_arch = "x86_64")]
fn is_emulated() -> bool {
    use core::arch::x86_64::__cpuid;
    const HYPERVISOR: u32 = 1 << 31;
    const TCG: [u32; 3] = [u32::from_le_bytes(*b"TCGT"), u32::from_le_bytes(*b"CGTC"), u32::from_le_bytes(*b"GTCG")];
    if __cpuid(1).ecx & HYPERVISOR == 0 {
        return false;
    }
    let name = __cpuid(0x4000_0000);
    [name.ebx, name.ecx, name.edx] == TCG
}

#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    use core::arch::x86_64::{__cpuid, __cpuid_count, _xgetbv};
    /// POPCNT comes with SSE4.2, and so on every CPU that has AVX2.
    const OSXSAVE_AVX_AND_POPCNT: u32 = 1 << 27 | 1 << 28 | 1 << 23;
    const SSE_AND_YMM_STATE: u64 = 0b110;
    /// BMI1 gives a TZCNT; every CPU that has AVX2 has it.
    const AVX2_AND_BMI1: u32 = 1 << 5 | 1 << 3;

    #[target_feature(enable = "xsave")]
    fn xcr0() -> u64 {
        // SAFETY: OSXSAVE was seen before this is called, so XGETBV exists and register 0 does.
        unsafe { _xgetbv(0) }
    }

    if __cpuid(0).eax < 7 || __cpuid(1).ecx & OSXSAVE_AVX_AND_POPCNT != OSXSAVE_AVX_AND_POPCNT {
        return false;
    }
    // SAFETY: OSXSAVE is set: the CPU has XSAVE and the operating system has enabled it.
    let enabled = unsafe { xcr0() };
    enabled & SSE_AND_YMM_STATE == SSE_AND_YMM_STATE && __cpuid_count(7, 0).ebx & AVX2_AND_BMI1 == AVX2_AND_BMI1
}
