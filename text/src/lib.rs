//! Text for people: suggestions for mistyped names, quoting for a shell, and escaping of foreign
//! text for a terminal.

pub mod name;
pub mod printable;
pub mod shell;
