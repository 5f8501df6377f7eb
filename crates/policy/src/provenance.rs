//! Where in the NaCl text a thing stands, so that a drop can be explained long after the text is gone.

use core::fmt;

/// A position in the source text, counted from 1; the column in Unicode scalar values. Line 0 is no place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    pub line: u32,
    pub column: u32,
}

impl Place {
    /// What was made, not written.
    pub const NONE: Self = Self { line: 0, column: 0 };
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}
