//! Faults of containerd and its runtimes that the driver clears up after, one file each.

pub(crate) mod orphan_shims;
pub(crate) mod runc_leftovers;
