//! What every container has before any option: containerd's default for an unprivileged Linux container.
//!
//! It differs from that in five places, each on purpose; the end-to-end tests compare the two, README has the list:
//! - no `RLIMIT_NOFILE` of 1024: the limits of containerd's service are inherited;
//! - `/sys/fs/cgroup` is mounted read-only, as containerd does for Kubernetes and as Docker does;
//! - `oom_score_adj` is 0, where a container would else inherit the protection of the containerd service;
//! - the device allow list names what runc allows implicitly, so that every runtime allows the same;
//! - what processors consume is hidden, which containerd does since 1.6.26 and 1.7.11.

pub(crate) mod capabilities;
pub(crate) mod devices;
pub(crate) mod mounts;
pub(crate) mod paths;
