//! The names of options, and the drivers that they come from.

/// A key, and the driver whose job files or configurations it comes from.
pub type Name = (&'static str, Origin);

/// The drivers that options come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The Go driver of the same name.
    GoDriver,
    /// Nomad's Docker driver.
    Docker,
    /// The podman driver.
    Podman,
    /// None of them has it.
    ThisDriver,
}
