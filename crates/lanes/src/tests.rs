use super::*;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

fn levels() -> impl Iterator<Item = Level> {
    let levels = [Level::SCALAR, Level::FLOOR, Level::detect()];
    if levels[2].name() != "avx2" {
        extern crate std;
        std::eprintln!("SKIPPED: no AVX2 here, so its loops are not tested");
    }
    levels.into_iter()
}

#[test]
fn a_line_counts_the_keys_that_are_not_above_a_value_at_every_level() {
    let mut random = Random(1);
    for round in 0..400 {
        let used = round % 17;
        let mut keys = [0_u32; 16];
        keys.fill_with(|| random.next() as u32 >> (random.next() % 32));
        let keys = &mut keys[..used];
        keys.sort_unstable();
        let line = [Keys16::new(keys.iter().copied())];
        let probes = keys.iter().flat_map(|key| [key.wrapping_sub(1), *key, key.wrapping_add(1)]);
        for value in probes.chain([0, u32::MAX, random.next() as u32]) {
            let expected = keys.iter().filter(|key| **key <= value).count() as u32;
            for level in levels() {
                assert_eq!(
                    level.rank16(&line, &Levels::new(&[0], used as u32), value),
                    expected,
                    "{level:?} {value} {keys:?}"
                );
            }
        }
        let mut wide = [0_u64; 8];
        wide.fill_with(|| random.next() >> (random.next() % 64));
        let wide = &mut wide[..used.min(8)];
        wide.sort_unstable();
        let line = [Keys8::new(wide.iter().copied())];
        let probes = wide.iter().flat_map(|key| [key.wrapping_sub(1), *key, key.wrapping_add(1)]);
        for value in probes.chain([0, u64::MAX, random.next()]) {
            let expected = wide.iter().filter(|key| **key <= value).count() as u32;
            for level in levels() {
                assert_eq!(
                    level.rank8(&line, &Levels::new(&[0], wide.len() as u32), value),
                    expected,
                    "{level:?} {value}"
                );
            }
        }
    }
}

#[test]
fn a_fork_takes_the_way_of_the_last_key_not_above_the_rank_at_every_level() {
    let mut random = Random(2);
    for round in 0..400 {
        let ways = 1 + round % 8;
        let mut keys = [0_u32; 8];
        keys.fill_with(|| ((random.next() as u32 & 0x7fff_fffe) >> (random.next() % 31)).max(1));
        keys[0] = 0;
        keys[..ways].sort_unstable();
        // Ways ascend.
        let used = 1 + (1..ways).take_while(|at| keys[at - 1] < keys[*at]).count();
        let keys = &keys[..used];
        let fork = Fork::new(keys.iter().copied().zip(10..).map(|(key, leaf)| (key, Edge::leaf(leaf))));
        let probes = keys.iter().flat_map(|key| [key.saturating_sub(1), *key, *key + 1]);
        for rank in probes.chain([0, 0x7fff_fffe, random.next() as u32 & 0x3fff_ffff]) {
            let expected = 10 + keys.iter().filter(|key| **key <= rank).count() as u32 - 1;
            let mut ranks = Ranks::default();
            ranks.0[7] = rank;
            for level in levels() {
                assert!(fork.ways().map(|(key, _)| key).eq(keys.iter().copied()), "{fork:?} {keys:?}");
                assert_eq!(level.walk(&[fork], &ranks, &[Edge::fork(7, 0)], 99), expected, "{level:?} {rank} {keys:?}");
            }
        }
    }
}

#[test]
fn many_walks_end_where_single_ones_do() {
    let mut random = Random(3);
    // Each fork leads to earlier ones, so that every walk ends.
    let mut forks = [Fork::new([(0, Edge::leaf(0))]); 64];
    for (at, fork) in forks.iter_mut().enumerate().skip(1) {
        let mut to = || match random.next() {
            choice if choice % 3 == 0 => Edge::leaf(choice as u32 >> 8),
            choice => Edge::fork(choice as usize >> 8 & 3, (choice >> 16) as usize % at),
        };
        *fork = Fork::new([(0, to()), (10, to()), (200, to()), (250, to())]);
    }
    for _ in 0..200 {
        let mut ranks = [Ranks::default(); BATCH];
        for rank in ranks.iter_mut().flat_map(|ranks| &mut ranks.0[..4]) {
            *rank = random.next() as u32 % 300;
        }
        let mut roots = [Edge::NONE; 3];
        roots.fill_with(|| Edge::fork(random.next() as usize & 3, 40 + random.next() as usize % 24));
        for level in levels() {
            let (mut walks, mut best) = (Walks::new(), [Edge::MAX_LEAF; BATCH]);
            for (packet, best) in best.iter_mut().enumerate() {
                for root in roots {
                    walks.begin(packet, root, best);
                }
            }
            level.walk_many(&forks, &ranks, &mut walks, &mut best);
            for (ranks, best) in ranks.iter().zip(best) {
                let single = Level::SCALAR.walk(&forks, ranks, &roots, Edge::MAX_LEAF);
                assert_eq!(best, single, "{level:?}");
                assert_eq!(level.walk(&forks, ranks, &roots, Edge::MAX_LEAF), single, "{level:?}");
            }
        }
    }
}

#[test]
fn a_malformed_tree_or_diagram_is_no_wild_read() {
    for level in levels() {
        for starts in [&[0, 5, 9][..], &[], &[u32::MAX; 20], &[0, 0, 0, 0]] {
            let levels = Levels::new(starts, 7);
            assert_eq!(level.rank16(&[], &levels, 3), 7);
            assert_eq!(level.rank8(&[], &levels, 3), 7);
            level.rank16(&[Keys16::new([1])], &levels, 3);
        }
        assert_eq!(level.walk(&[], &Ranks::default(), &[Edge::fork(31, 99)], Edge::MAX_LEAF), Edge::MAX_LEAF);
    }
}
