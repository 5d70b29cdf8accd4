//! Set-up, demo, tests and tidy of this workspace.

fn main() {}
