//! Text between people and programs: names that were typed, words of a command line, and what a
//! terminal may be shown of what somebody else wrote.

pub mod name;
pub mod printable;
pub mod shell;
