//! Compiles files and prints what the compiler has to say: `cargo run -p saltgate-nacl --example check -- FILE…`.

use saltgate_nacl::{Source, analyze, diagnostic};

fn main() {
    for name in std::env::args().skip(1) {
        let Ok(bytes) = std::fs::read(&name) else {
            eprintln!("{name}: cannot be read");
            continue;
        };
        let source = Source::from_bytes(name.as_str(), &bytes);
        let compiled = analyze(&source);
        for found in &compiled.diagnostics {
            print!("{}", diagnostic::render(&source, found));
        }
        if let Some(policy) = compiled.policy.filter(|_| std::env::var_os("STEPS").is_some()) {
            for function in &policy.functions {
                println!("{} {:?}", function.name, function.kind);
                for (at, step) in function.program.steps().iter().enumerate() {
                    println!("  {at:3} {} {step:?}", function.program.place(at as u32));
                }
            }
        }
    }
}
