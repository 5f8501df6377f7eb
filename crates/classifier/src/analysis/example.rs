//! Packets that a rule is about, whether or not they come to it.

use super::{Analysis, narrowed, shape};
use crate::header::Header;
use alloc::vec::Vec;
use policy::StepId;

impl Analysis<'_> {
    /// Packets that meet the tests around a step and, with `holds`, make the test there turn out so; a few different ones,
    /// the plainest first. None come to the step if [`outcome`](Self::outcome) is never: they show what comes before.
    pub fn examples(&mut self, step: StepId, holds: Option<bool>) -> Vec<Header> {
        let condition = holds.and_then(|holds| self.condition(step, holds));
        let Some(around) = self.around(step, condition) else { return Vec::new() };
        let mut examples: Vec<Header> = Vec::new();
        for shape in &self.shapes {
            let Some(region) = narrowed(&mut self.space.sets, shape, &around) else { continue };
            for corner in shape::corners(&self.space, &region) {
                let header = shape::header(&self.space, &corner);
                if !examples.contains(&header) {
                    examples.push(header);
                }
            }
        }
        examples
    }
}
