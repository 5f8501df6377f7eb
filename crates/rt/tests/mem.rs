//! The memory functions against their definition, at every length and overlap where they change their ways.

#[path = "../src/mem.rs"]
mod mem;

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 31 + at / 251) as u8).collect()
}

fn lengths() -> impl Iterator<Item = usize> {
    (0..300).chain([511, 512, 513, 1500, 4096, 65_537])
}

#[test]
fn copying_moves_every_byte_and_no_other() {
    for fast in [false, true] {
        mem::choose_copy(fast);
        for n in lengths() {
            for shift in [0, 1, 7] {
                let from = pattern(n + 16);
                let mut to = vec![0xee; n + 16];
                // SAFETY: both vectors hold `shift + n` bytes and more, and they are two.
                unsafe { mem::memcpy(to.as_mut_ptr().add(shift), from.as_ptr().add(shift), n) };
                assert_eq!(to[shift..shift + n], from[shift..shift + n], "{n}");
                assert!(to[..shift].iter().chain(&to[shift + n..]).all(|&byte| byte == 0xee), "{n}");
            }
        }
    }
}

#[test]
fn moving_copes_with_every_overlap() {
    for fast in [false, true] {
        mem::choose_copy(fast);
        for n in lengths().filter(|&n| n <= 1500) {
            for distance in [0, 1, 2, 7, 8, 9, 15, 16, 17, 63, 64, 65, 127, 200] {
                for (from, to) in [(0, distance), (distance, 0)] {
                    let mut bytes = pattern(n + distance);
                    let mut expected = bytes.clone();
                    expected.copy_within(from..from + n, to);
                    let base = bytes.as_mut_ptr();
                    // SAFETY: both ranges lie within the vector.
                    unsafe { mem::memmove(base.add(to), base.add(from), n) };
                    assert_eq!(bytes, expected, "{n} bytes from {from} to {to}");
                }
            }
        }
    }
}

#[test]
fn setting_fills_exactly() {
    for n in lengths() {
        let mut bytes = vec![1; n + 2];
        // SAFETY: the vector holds `n + 2` bytes.
        unsafe { mem::memset(bytes.as_mut_ptr().add(1), 0x1a5, n) };
        assert!(bytes[1..=n].iter().all(|&byte| byte == 0xa5), "{n}");
        assert_eq!((bytes[0], bytes[n + 1]), (1, 1), "{n}");
    }
}

#[test]
fn comparing_orders_by_the_first_difference() {
    for n in lengths() {
        let a = pattern(n);
        // SAFETY: both have `n` bytes.
        let compare = |a: &[u8], b: &[u8]| unsafe {
            (mem::memcmp(a.as_ptr(), b.as_ptr(), n), mem::bcmp(a.as_ptr(), b.as_ptr(), n))
        };
        assert_eq!(compare(&a, &a), (0, 0));
        for at in [0, n / 2, n.saturating_sub(1)].into_iter().filter(|&at| at < n) {
            let mut b = a.clone();
            b[at] = b[at].wrapping_add(1);
            if at + 1 < n {
                b[at + 1] = b[at + 1].wrapping_sub(1);
            }
            let (ordering, different) = compare(&a, &b);
            assert_eq!(ordering.signum(), if a[at] < b[at] { -1 } else { 1 }, "{n}, {at}");
            assert_ne!(different, 0);
        }
    }
    // SAFETY: the literal ends with a zero.
    assert_eq!(unsafe { mem::strlen(c"saltgate".as_ptr().cast()) }, 8);
}
