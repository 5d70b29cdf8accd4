//! What the kernel gives: cgroup files, checked paths, limits, FIFOs, hosts and resolv.conf files.

pub mod beneath;
pub mod cdi;
pub mod cgroup;
pub mod cpu;
pub mod detached;
pub mod devices;
pub mod document;
pub mod fifo;
#[cfg(feature = "fuzz")]
#[doc(hidden)]
pub mod fuzz;
pub mod hosts;
pub mod id_list;
pub mod limits;
pub mod log_files;
pub mod memory;
pub mod mountinfo;
pub mod namespace;
mod newer;
pub mod process;
mod pseudo;
pub mod resolv;
pub mod rootfs;
pub mod signal;
pub mod splice;
pub mod staged;
pub mod users;

#[cfg(test)]
mod testing;
