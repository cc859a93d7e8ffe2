//! What people look at after a test: `report.html`, and the pictures beside it.

#![expect(dead_code, unused_imports, reason = "the page is yet to come")]

pub(crate) mod data;
pub(crate) mod report;
