use std::panic;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    if args.len() > 1 && args[1].parse::<u64>().is_err() {
        for f in &args[1..] {
            eprintln!("{f}");
            saltgate_fuzz::operations::run(&std::fs::read(f).unwrap());
        }
        return;
    }
    let mut seed: u64 = args.get(1).map_or(1, |s| s.parse().unwrap());
    let secs: u64 = args.get(2).map_or(10, |s| s.parse().unwrap());
    let start = std::time::Instant::now();
    let mut n = 0;
    while start.elapsed().as_secs() < secs {
        seed += 1;
        n += 1;
        let mut x = seed.wrapping_mul(0x9e3779b97f4a7c15);
        let len = 50 + (seed % 400) as usize;
        let data: Vec<u8> = (0..len)
            .map(|_| {
                x ^= x << 13;
                x ^= x >> 7;
                x ^= x << 17;
                (x >> 32) as u8
            })
            .collect();
        if panic::catch_unwind(|| saltgate_fuzz::operations::run(&data)).is_err() {
            // shrink: shortest prefix that fails
            let quiet = panic::take_hook();
            panic::set_hook(Box::new(|_| {}));
            let mut best = data.clone();
            for l in (3..data.len()).step_by(24) {
                let p = data[..l].to_vec();
                if panic::catch_unwind(|| saltgate_fuzz::operations::run(&p)).is_err() {
                    best = p;
                    break;
                }
            }
            panic::set_hook(quiet);
            eprintln!("---- shrunk to {} bytes, seed {seed}", best.len());
            std::fs::write("/tmp/ops.crash", &best).unwrap();
            saltgate_fuzz::operations::run(&best);
            return;
        }
    }
    eprintln!("{n} runs");
}
