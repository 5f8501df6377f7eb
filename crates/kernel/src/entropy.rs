//! A seed that nobody outside can guess, from whatever the machine offers.
//!
//! All sources go into one state by ChaCha's permutation (RFC 8439 §2.3), so that a source adds what it has and takes
//! nothing away.

use crate::clock::Clock;
use crate::cpu::{CpuFeatures, rdrand};

/// Collects randomness.
#[derive(Debug)]
pub struct Entropy {
    state: [u32; 16],
    hardware: bool,
}

impl Entropy {
    /// Starts with the CPU's random numbers, if it has them, and the jitter of its time stamp counter.
    pub fn gather(features: CpuFeatures) -> Self {
        let mut entropy = Self { state: [0; 16], hardware: false };
        if features.rdrand {
            let numbers: [Option<u64>; 8] = core::array::from_fn(|_| (0..16).find_map(|_| rdrand()));
            // A broken generator says the same again and again.
            entropy.hardware = numbers.iter().all(Option::is_some) && numbers.iter().any(|&n| n != numbers[0]);
            numbers.into_iter().flatten().for_each(|number| entropy.add(&number.to_le_bytes()));
        }
        (0..16).for_each(|_| entropy.add_jitter());
        entropy
    }

    /// Adds four looks at the clock; what lies between them, and the permutation between the fours, takes a time of its
    /// own.
    #[inline(never)]
    fn add_jitter(&mut self) {
        let ticks: [u64; 4] = core::array::from_fn(|_| Clock::start());
        self.add(ticks.map(u64::to_le_bytes).as_flattened());
    }

    /// Whether the CPU's generator took part. Without it the seed is as good as what was [added](Self::add).
    pub fn is_hardware(&self) -> bool {
        self.hardware
    }

    /// Adds bytes: the time of day, MAC addresses, a secret from the configuration.
    #[inline(never)]
    pub fn add(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(32) {
            for (word, bytes) in self.state.iter_mut().zip(part.chunks(4)) {
                let mut value = [0; 4];
                value[..bytes.len()].copy_from_slice(bytes);
                *word ^= u32::from_le_bytes(value);
            }
            self.state[15] ^= part.len() as u32;
            permute(&mut self.state);
        }
    }

    /// A seed; each one differs, and none tells the others.
    pub fn seed(&mut self) -> [u8; 32] {
        self.add(b"seed");
        let mut seed = [0; 32];
        for (bytes, word) in seed.chunks_exact_mut(4).zip(self.state) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        // What was given out is wiped, so that the state does not lead back to it.
        self.state[..8].fill(0);
        permute(&mut self.state);
        seed
    }
}

/// Twenty rounds: ten of four columns and four diagonals. One quarter round for all of them, found by its number: written
/// out they are 700 instructions, which an emulator would translate for a handful of calls.
#[inline(never)]
fn permute(state: &mut [u32; 16]) {
    for quarter in 0..80 {
        // The diagonals are columns whose rows are turned by 0 to 3 words.
        let turned = (quarter >> 2) & 1;
        let [a, b, c, d] = [0, 1, 2, 3].map(|row| 4 * row + ((quarter + row * turned) & 3));
        for (x, y, z, rotation) in [(a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)] {
            state[x] = state[x].wrapping_add(state[y]);
            state[z] = (state[z] ^ state[x]).rotate_left(rotation);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8439 §2.3.2: the test vector's state after 20 rounds, before the addition.
    #[test]
    fn the_permutation_is_chachas() {
        let mut state = [
            0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, 0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c, 0x13121110,
            0x17161514, 0x1b1a1918, 0x1f1e1d1c, 0x00000001, 0x09000000, 0x4a000000, 0x00000000,
        ];
        permute(&mut state);
        assert_eq!(state[..4], [0x837778ab, 0xe238d763, 0xa67ae21e, 0x5950bb2f]);
        assert_eq!(state[12..], [0xd19c12b4, 0xb04e16de, 0x9e83d0cb, 0x4e3c50a2]);
    }

    #[test]
    fn every_seed_differs_and_every_source_counts() {
        let mut a = Entropy { state: [0; 16], hardware: false };
        let mut b = Entropy { state: [0; 16], hardware: false };
        b.add(b"x");
        let (first, second, other) = (a.seed(), a.seed(), b.seed());
        assert!(first != second && first != other);
    }
}
