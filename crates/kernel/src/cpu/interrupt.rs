//! Descriptor tables, and what happens when the CPU is interrupted.
//!
//! | vectors   | are                              | stack (IST) | their handler                                      |
//! |-----------|----------------------------------|-------------|----------------------------------------------------|
//! | 0 to 31   | exceptions                       | 2, or 3 for NMI, double fault, machine check | panics with what and where |
//! | 14        | page faults                      | 2           | clears the page if that was put off (`memory/zero.rs`), else as above |
//! | 64 to 127 | the timer and devices            | 1           | sets the vector's bit in `PENDING`, ends the interrupt |
//! | 255       | spurious interrupts of the APIC  | 1           | returns                                            |
//!
//! Every gate switches stacks, because `core` and `alloc` keep data below the stack pointer. Every gate closes
//! interrupts, so handlers do not nest.
#![expect(unsafe_code, reason = "descriptor tables and handlers")]

use crate::Ring0;
use crate::memory::DIRECTORY;
use alloc::boxed::Box;
use alloc::vec;
use core::arch::{asm, global_asm};
use core::sync::atomic::{AtomicU64, Ordering};

/// An interrupt vector for the timer or a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vector(u8);

impl Vector {
    const FIRST: u8 = 64;
    const COUNT: u8 = 64;

    /// The number that goes into interrupt controllers and messages.
    pub fn number(self) -> u8 {
        self.0
    }

    /// The vector's bit in [`Interrupts::take_pending`].
    pub fn bit(self) -> u64 {
        1 << (self.0 - Self::FIRST)
    }
}

pub(crate) const SPURIOUS: u8 = 255;

/// Bit n: vector `Vector::FIRST + n` came. Set by the handler.
static PENDING: AtomicU64 = AtomicU64::new(0);
/// Address of the local APIC's end-of-interrupt register.
static END_OF_INTERRUPT: AtomicU64 = AtomicU64::new(0);

// The device handler is written out because it must not touch SSE registers, which nobody saves.
global_asm!(
    ".pushsection .text",
    ".p2align 4",
    "saltgate_device_stubs:",
    ".set saltgate_vector, 0",
    ".rept 64",
    "push $saltgate_vector",
    "jmp saltgate_device",
    ".p2align 4",
    ".set saltgate_vector, saltgate_vector + 1",
    ".endr",
    "saltgate_device:",
    "push %rax",
    "mov 8(%rsp), %rax",
    "lock bts %rax, {pending}(%rip)",
    "mov {end}(%rip), %rax",
    "movl $0, (%rax)",
    "pop %rax",
    "add $8, %rsp",
    "iretq",
    ".p2align 4",
    "saltgate_spurious:",
    "iretq",
    // Exceptions push an error code or not; those that do not get a zero.
    ".p2align 4",
    "saltgate_exception_stubs:",
    ".set saltgate_vector, 0",
    ".rept 32",
    ".if ((1 << saltgate_vector) & 0x60227d00) == 0",
    "push $0",
    ".endif",
    "push $saltgate_vector",
    "jmp saltgate_exception",
    ".p2align 4",
    ".set saltgate_vector, saltgate_vector + 1",
    ".endr",
    "saltgate_exception:",
    "mov %rsp, %rdi",
    "and $-16, %rsp",
    "cld",
    "call {exception}",
    "ud2",
    // The first touch of a page that is to be cleared: its large page's entry leads to a table (present, not large, the
    // bit that says so), and the entry there is 0. Maps the page, writable and not executable, and clears it.
    ".p2align 4",
    "saltgate_page_fault:",
    "push %rax",
    "push %rcx",
    "push %rdi",
    "mov %cr2, %rax",
    "mov %rax, %rcx",
    "shr $21, %rcx",
    "cmp $2048, %rcx",
    "jae 2f",
    "mov {directory}(%rip), %rdi",
    "test %rdi, %rdi",
    "jz 2f",
    "mov (%rdi, %rcx, 8), %rdi",
    "mov %edi, %ecx",
    "and $0x281, %ecx",
    "cmp $0x201, %ecx",
    "jne 2f",
    "movabs $0x000ffffffffff000, %rcx",
    "and %rcx, %rdi",
    "mov %rax, %rcx",
    "shr $12, %rcx",
    "and $511, %ecx",
    "lea (%rdi, %rcx, 8), %rdi",
    "cmpq $0, (%rdi)",
    "jne 2f",
    "and $-4096, %rax",
    "movabs $0x8000000000000003, %rcx",
    "or %rax, %rcx",
    "mov %rcx, (%rdi)",
    "mov %rax, %rdi",
    "xor %eax, %eax",
    "mov $512, %ecx",
    "cld",
    "rep stosq",
    "pop %rdi",
    "pop %rcx",
    "pop %rax",
    "add $8, %rsp",
    "iretq",
    "2:",
    "pop %rdi",
    "pop %rcx",
    "pop %rax",
    "push $14",
    "jmp saltgate_exception",
    ".popsection",
    directory = sym DIRECTORY,
    pending = sym PENDING,
    end = sym END_OF_INTERRUPT,
    exception = sym exception,
    options(att_syntax)
);

unsafe extern "C" {
    static saltgate_device_stubs: u8;
    static saltgate_spurious: u8;
    static saltgate_exception_stubs: u8;
    static saltgate_page_fault: u8;
}

/// Bytes between stubs.
const STUB: usize = 16;
const PAGE_FAULT: usize = 14;
const CODE: u16 = 0x08;
const TASK_STATE: u16 = 0x18;

/// What the stub and the CPU have pushed.
#[repr(C)]
struct ExceptionFrame {
    vector: u64,
    error: u64,
    rip: u64,
    cs: u64,
    rflags: u64,
    rsp: u64,
    ss: u64,
}

#[repr(C, packed(4))]
struct TaskState {
    unused0: u32,
    rsp: [u64; 3],
    unused1: u64,
    ist: [u64; 7],
    unused2: u64,
    unused3: u16,
    io_map: u16,
}

/// The tables are in place; gives out vectors, and waits.
#[derive(Debug)]
pub(crate) struct Interrupts {
    next: u8,
}

impl Interrupts {
    /// Loads descriptor tables of our own. Needs the heap. Interrupts stay closed.
    pub fn install(_ring0: Ring0) -> Self {
        let stack = || Box::leak(vec![0u128; 1024].into_boxed_slice()).as_mut_ptr_range().end as u64;
        let state = Box::leak(Box::new(TaskState {
            unused0: 0,
            rsp: [0; 3],
            unused1: 0,
            ist: [stack(), stack(), stack(), 0, 0, 0, 0],
            unused2: 0,
            unused3: 0,
            io_map: size_of::<TaskState>() as u16,
        }));
        let state = &raw const *state as u64;
        let limit = size_of::<TaskState>() as u64 - 1;
        let descriptors = Box::leak(Box::new([
            0,
            0x00af_9a00_0000_ffff,
            0x00cf_9200_0000_ffff,
            limit | (state & 0xff_ffff) << 16 | 0x89 << 40 | (state >> 24 & 0xff) << 56,
            state >> 32,
        ]));
        let gates = Box::leak(Box::new([[0u64; 2]; 256]));
        let stubs = &raw const saltgate_exception_stubs as u64;
        for (vector, gate) in gates.iter_mut().take(32).enumerate() {
            let stack = if matches!(vector, 2 | 8 | 18) { 3 } else { 2 };
            *gate = interrupt_gate(stubs + (vector * STUB) as u64, stack);
        }
        gates[PAGE_FAULT] = interrupt_gate(&raw const saltgate_page_fault as u64, 2);
        let stubs = &raw const saltgate_device_stubs as u64;
        for (at, gate) in gates.iter_mut().skip(Vector::FIRST.into()).take(Vector::COUNT.into()).enumerate() {
            *gate = interrupt_gate(stubs + (at * STUB) as u64, 1);
        }
        gates[usize::from(SPURIOUS)] = interrupt_gate(&raw const saltgate_spurious as u64, 1);
        let pointer = |base: u64, len: usize| {
            [(len - 1) as u16, base as u16, (base >> 16) as u16, (base >> 32) as u16, (base >> 48) as u16]
        };
        let gdt = pointer(&raw const *descriptors as u64, size_of_val(descriptors));
        let idt = pointer(&raw const *gates as u64, size_of_val(gates));
        // SAFETY: the tables live for ever; the new descriptors have the same code and data segments as those in use,
        // so the loaded selectors stay valid; the stubs preserve every register that they use.
        unsafe {
            asm!("lgdt [{}]", "ltr {:x}", "lidt [{}]", in(reg) &gdt, in(reg) TASK_STATE, in(reg) &idt, options(readonly, nostack));
        }
        Self { next: Vector::FIRST }
    }

    /// A vector that nobody else has.
    pub fn allocate(&mut self) -> Option<Vector> {
        let vector = Vector(self.next);
        (self.next < Vector::FIRST + Vector::COUNT).then(|| {
            self.next += 1;
            vector
        })
    }

    /// The vectors that came since the last call, as their [`Vector::bit`]s.
    pub fn take_pending(&mut self) -> u64 {
        PENDING.swap(0, Ordering::Relaxed)
    }

    /// Sleeps until an interrupt, at once if one is waiting. Whatever came is in [`take_pending`](Self::take_pending).
    pub fn wait(&mut self) {
        // SAFETY: the tables are installed. `sti` takes effect after the next instruction, so no interrupt is lost
        // between it and `hlt`. The handlers use stacks of their own and change no register.
        unsafe { asm!("sti", "hlt", "cli") }
    }
}

/// Where handlers say that they are done: the register of the local APIC, mapped.
pub(crate) fn set_end_of_interrupt(register: u64) {
    END_OF_INTERRUPT.store(register, Ordering::Relaxed);
}

fn interrupt_gate(handler: u64, stack: u64) -> [u64; 2] {
    let present = 0x8e00;
    [
        handler & 0xffff | u64::from(CODE) << 16 | stack << 32 | present << 32 | (handler >> 16 & 0xffff) << 48,
        handler >> 32,
    ]
}

extern "C" fn exception(frame: *const ExceptionFrame) -> ! {
    // SAFETY: the stub passes its own stack, on which it and the CPU have laid out such a frame.
    let frame = unsafe { &*frame };
    let address: u64;
    // SAFETY: reading CR2 has no effect.
    unsafe { asm!("mov {}, cr2", out(reg) address, options(nomem, nostack, preserves_flags)) }
    let ExceptionFrame { vector, error, rip, cs: _, rflags: _, rsp, ss: _ } = *frame;
    let name = match vector {
        0 => "divide error",
        2 => "non-maskable interrupt",
        3 => "breakpoint",
        6 => "invalid opcode",
        8 => "double fault",
        13 => "general protection",
        14 => "page fault",
        18 => "machine check",
        _ => "exception",
    };
    panic!("{name} (vector {vector}, error {error:#x}) at rip {rip:#x}, rsp {rsp:#x}, cr2 {address:#x}");
}
