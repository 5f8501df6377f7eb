//! Token buckets.

use policy::LimitRate;
use wire::Instant;

/// A token bucket; starts full.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TokenBucket {
    rate: LimitRate,
    /// In billionths of a token.
    level: u128,
    filled: Instant,
}

const TOKEN: u128 = 1_000_000_000;

impl TokenBucket {
    pub fn new(rate: LimitRate) -> Self {
        Self { rate, level: u128::from(rate.burst) * TOKEN, filled: Instant::BOOT }
    }

    /// Takes a token if there is one.
    pub fn take(&mut self, now: Instant) -> bool {
        let gained = now.since(self.filled).as_nanos() * u128::from(self.rate.tokens) * TOKEN;
        self.filled = now;
        self.level += gained / self.rate.per.as_nanos().max(1);
        self.level = self.level.min(u128::from(self.rate.burst) * TOKEN);
        let has = self.level >= TOKEN;
        if has {
            self.level -= TOKEN;
        }
        has
    }

    /// As [`take`](Self::take), for 0, 1 or 2 tokens, so far as there are.
    pub fn take_about_one(&mut self, now: Instant, cost: u32) -> bool {
        let has = self.take(now);
        if has {
            self.level = (self.level + TOKEN).saturating_sub(u128::from(cost) * TOKEN);
        }
        has
    }
}
