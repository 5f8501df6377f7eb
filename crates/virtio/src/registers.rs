//! A window of device registers.
#![expect(unsafe_code, reason = "registers are read and written through raw pointers")]

use core::ptr::NonNull;

/// Memory-mapped registers of one device, little-endian as the CPU is (x86).
///
/// Accesses beyond the window read as zero and write nothing: a window's length comes from the device.
pub struct Registers {
    base: NonNull<u8>,
    len: usize,
}

impl Registers {
    /// # Safety
    ///
    /// `len` bytes at `base` are device registers, mapped uncached for as long as the program runs, aligned to 4
    /// bytes, and nobody else accesses them meanwhile.
    pub unsafe fn new(base: NonNull<u8>, len: usize) -> Self {
        Self { base, len }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Reads a register of 1, 2 or 4 bytes at `offset`, which is aligned to its size.
    pub fn read<T: Register>(&self, offset: usize) -> T {
        match self.at::<T>(offset) {
            // SAFETY: `at` checked that the register lies within the window and is aligned; the window is mapped
            // (contract of `new`). Every bit pattern is a value of the integers that are `Register`s.
            Some(register) => unsafe { register.read_volatile() },
            None => T::default(),
        }
    }

    pub fn write<T: Register>(&mut self, offset: usize, value: T) {
        if let Some(register) = self.at::<T>(offset) {
            // SAFETY: as in `read`; `&mut self` and the contract of `new` make us the only one who writes.
            unsafe { register.write_volatile(value) }
        }
    }

    fn at<T>(&self, offset: usize) -> Option<NonNull<T>> {
        let fits = offset.checked_add(size_of::<T>())? <= self.len;
        if !fits {
            return None;
        }
        // SAFETY: `offset` lies within the window.
        let register = unsafe { self.base.add(offset) }.cast::<T>();
        register.is_aligned().then_some(register)
    }
}

/// Integers that a register can hold.
pub trait Register: Copy + Default + sealed::Sealed {}

impl Register for u8 {}
impl Register for u16 {}
impl Register for u32 {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for u8 {}
    impl Sealed for u16 {}
    impl Sealed for u32 {}
}
