//! What people look at after a test: `report.html`, and the pictures beside it.

#![expect(dead_code, unused_imports, reason = "the page is yet to come")]

pub(crate) mod charts;
pub(crate) mod data;
pub(crate) mod diagram;
pub(crate) mod scene;
pub(crate) mod timeline;
