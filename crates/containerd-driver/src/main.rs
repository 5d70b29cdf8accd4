//! The binary: a Nomad task-driver plugin when the magic cookie is set, else the command line.

fn main() {}
