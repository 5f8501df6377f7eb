//! The box's own host stack.

#![no_std]
#![forbid(unsafe_code)]
