# Two ways in, one ELF: PVH (QEMU -kernel, Firecracker, Cloud Hypervisor) and multiboot2 (GRUB, BIOS and UEFI).
# Both enter in 32-bit protected mode with paging off. This maps the first 4 GiB one to one with 2 MiB pages, enters
# 64-bit mode and calls saltgate_start(protocol, info).
#
# AT&T syntax: LLVM's parser of Intel syntax trips over "1f" labels and differences of labels.

# PVH: an ELF note of type 18 (XEN_ELFNOTE_PHYS32_ENTRY) holds the entry point.
.section .note.pvh, "a", @note
.p2align 2
    .long 4                         # name length
    .long 8                         # descriptor length
    .long 18
    .asciz "Xen"
    .quad pvh_start

# multiboot2: a header in the file's first 32 KiB.
.section .multiboot2, "a"
.p2align 3
multiboot2_header:
    .long 0xe85250d6                # magic
    .long 0                         # architecture: i386 protected mode
    .long multiboot2_end - multiboot2_header
    .long -(0xe85250d6 + (multiboot2_end - multiboot2_header))
    .word 1, 0                      # information request: command line, module, memory map
    .long 8 + 3 * 4
    .long 1, 3, 6
.p2align 3
    .word 3, 0                      # entry address, in place of the ELF header's
    .long 12, multiboot2_start
.p2align 3
    .word 6, 0                      # modules page-aligned
    .long 8
    .word 0, 0                      # end
    .long 8
multiboot2_end:

.section .text.boot, "ax"
.code32
.globl pvh_start, multiboot2_start
pvh_start:                          # ebx: hvm_start_info
    mov $0x50564800, %edi
    jmp 1f
multiboot2_start:                   # eax: magic, ebx: boot information
    mov %eax, %edi
1:  cli
    cld
    mov %ebx, %esi
    mov $boot_stack_top, %esp

    # Four page directories: 2048 entries, present, writable, 2 MiB.
    mov $boot_directories, %ebx
    mov $0x83, %eax
    xor %ecx, %ecx
2:  mov %eax, (%ebx, %ecx, 8)
    movl $0, 4(%ebx, %ecx, 8)
    add $0x200000, %eax
    inc %ecx
    cmp $2048, %ecx
    jne 2b
    mov $boot_directories + 3, %eax
    mov $boot_pointers, %ebx
    mov %eax, (%ebx)
    add $4096, %eax
    mov %eax, 8(%ebx)
    add $4096, %eax
    mov %eax, 16(%ebx)
    add $4096, %eax
    mov %eax, 24(%ebx)
    mov $boot_pointers + 3, %eax
    mov $boot_level4, %ebx
    mov %eax, (%ebx)

    mov %cr4, %eax
    or $0x620, %eax                 # PAE, OSFXSR, OSXMMEXCPT
    mov %eax, %cr4
    mov $boot_level4, %eax
    mov %eax, %cr3
    mov $0xc0000080, %ecx           # EFER
    rdmsr
    or $0x900, %eax                 # LME, NXE
    wrmsr
    mov %cr0, %eax
    and $0x9ffffff3, %eax           # clear CD, NW, EM, TS
    or $0x80010023, %eax            # PG, WP, NE, MP, PE
    mov %eax, %cr0
    lgdt gdt_pointer
    ljmp $8, $3f
.code64
3:  mov $16, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    xor %eax, %eax
    mov %eax, %fs
    mov %eax, %gs
    mov %edi, %edi                  # clear the upper halves
    mov %esi, %esi
    mov $boot_stack_top, %esp
    xor %ebp, %ebp
    call saltgate_start
4:  cli
    hlt
    jmp 4b

# The selectors that the kernel library relies on: 0x08 code, 0x10 data, 0x18 a task state segment to be filled in.
.section .data
.p2align 4
.globl boot_gdt
boot_gdt:
    .quad 0
    .quad 0x00af9a000000ffff
    .quad 0x00cf92000000ffff
    .quad 0, 0
gdt_end:
gdt_pointer:
    .word gdt_end - boot_gdt - 1
    .long boot_gdt

.section .bss.boot, "aw", @nobits
.p2align 12
.globl boot_level4, boot_stack_guard
boot_level4: .skip 4096
boot_pointers: .skip 4096
boot_directories: .skip 16384
boot_stack_guard: .skip 4096
boot_stack: .skip 262144
boot_stack_top:
.text
.code64
