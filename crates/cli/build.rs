//! Puts the unikernel inside `saltgate`, if the environment says where it lies: `cargo xtask image` builds it first and
//! sets the variable. Without it the command is complete but for an image of its own.

fn main() {
    println!("cargo::rerun-if-env-changed=SALTGATE_IMAGE");
    println!("cargo::rustc-check-cfg=cfg(embedded_image)");
    if let Some(path) = std::env::var_os("SALTGATE_IMAGE").filter(|path| !path.is_empty()) {
        let path = std::path::Path::new(&path);
        assert!(
            path.is_absolute() && path.is_file(),
            "SALTGATE_IMAGE is no absolute path of a file: {}",
            path.display()
        );
        println!("cargo::rerun-if-changed={}", path.display());
        println!("cargo::rustc-cfg=embedded_image");
    }
}
