//! After a restart of the driver: tasks of an earlier process, of the Go driver, and of other containerd namespaces.

pub(crate) mod go_driver;
pub(crate) mod namespaces;
pub(crate) mod patience;
pub(crate) mod recover;
