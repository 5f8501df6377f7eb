//! What was measured several times.

/// Measurements of one thing, in one unit, in the order in which they were taken. Never empty.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// `None` if there are none, or if one is not a number.
    pub fn new(values: Vec<f64>) -> Option<Self> {
        (!values.is_empty() && values.iter().all(|value| value.is_finite())).then_some(Self(values))
    }

    pub fn values(&self) -> &[f64] {
        &self.0
    }

    /// The middle one; of an even number the mean of both in the middle.
    pub fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
    }

    pub fn least(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }

    pub fn most(&self) -> f64 {
        self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }

    /// The median, and the range if there is one: `4.83 (4.60–5.10)`.
    pub fn shown(&self) -> String {
        let median = short(self.median());
        if self.0.len() < 2 {
            return median;
        }
        format!("{median} ({}–{})", short(self.least()), short(self.most()))
    }
}

/// Three digits that count, and none that do not.
pub fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        small if small < 10.0 => format!("{value:.2}"),
        middle if middle < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        //  values              median  shown
        let table = [
            (vec![3.0], 3.0, "3.00"),
            (vec![9.0, 1.0, 2.0], 2.0, "2.00 (1.00–9.00)"),
            (vec![4.0, 1.0], 2.5, "2.50 (1.00–4.00)"),
            (vec![0.0, 0.0], 0.0, "0 (0–0)"),
            (vec![12.34, 1234.5, 99.99], 99.99, "100.0 (12.3–1234)"),
        ];
        for (values, median, shown) in table {
            let samples = Samples::new(values).unwrap();
            assert_eq!((samples.median(), samples.shown().as_str()), (median, shown));
        }
    }

    #[test]
    fn nothing_is_no_sample() {
        assert_eq!(Samples::new(vec![]), None);
        assert_eq!(Samples::new(vec![1.0, f64::NAN]), None);
    }
}
