//! Makes bare-metal programs of this package's binaries: no C library, no start files, and the memory layout of
//! `linker.ld`. The host's own target does it, so a plain stable toolchain is enough.

fn main() {
    let dir = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let os = std::env::var("CARGO_CFG_TARGET_OS").expect("cargo sets it");
    println!("cargo::rerun-if-changed=linker.ld");
    // For a target without an operating system the linker is called as it is, else through the C compiler.
    let (prefix, driver) =
        if os == "none" { ("", &[][..]) } else { ("-Wl,", &["-nostartfiles", "-nostdlib", "-static"][..]) };
    let linker = ["--build-id=none", "-znorelro", "-zmax-page-size=4096", "--gc-sections"];
    for argument in driver {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
    for argument in linker {
        println!("cargo::rustc-link-arg-bins={prefix}{argument}");
    }
    println!("cargo::rustc-link-arg-bins=-no-pie");
    println!("cargo::rustc-link-arg-bins={prefix}-T{dir}/linker.ld");
}
