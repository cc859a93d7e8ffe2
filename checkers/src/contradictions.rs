//! Findings as the operations that show them, one module for each checker.

mod elle;
mod kafka;
