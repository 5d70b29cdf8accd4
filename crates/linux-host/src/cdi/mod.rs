//! Devices of the Container Device Interface: what a container needs to use a device, as its vendor's specification
//! file tells (SPEC.md of cncf-tags/container-device-interface).

mod catalogue;
mod document;
mod name;

use std::path::PathBuf;

pub use catalogue::Catalogue;
pub use document::{DeviceNode, Edits, Hook, HookName, Mount, NodeType, Variable};
pub use name::Name;

/// Where specification files lie on a host; of two with one device the one in the later directory counts.
pub const DIRECTORIES: [&str; 2] = ["/etc/cdi", "/var/run/cdi"];

/// A device that cannot be had.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CdiError {
    /// No file has it.
    #[error("no specification of the Container Device Interface has this device (accepted: {known}){broken}")]
    Unknown {
        /// The devices that there are, or why there is none.
        known: String,
        /// The files that could have had it but cannot be read, each with the reason; empty where there is none.
        broken: String,
    },
    /// Two files of equal rank have it.
    #[error("both {first:?} and {second:?} have this device (accepted: one specification of it a directory)")]
    Conflict {
        /// A file.
        first: PathBuf,
        /// Another one in the same directory.
        second: PathBuf,
    },
    /// The device needs what this driver does not give.
    #[error(
        "{file:?} asks for {edit} (accepted: env, deviceNodes, mounts, hooks and additionalGids in containerEdits)"
    )]
    Unsupported {
        /// The file.
        file: PathBuf,
        /// The key of `containerEdits`.
        edit: &'static str,
    },
}

impl Catalogue {
    /// What the device needs: the edits of its whole file, unless a device of that file has brought them (`used`),
    /// and its own.
    ///
    /// # Errors
    /// [`CdiError`].
    pub fn edits(&self, name: &Name, used: &mut Vec<PathBuf>) -> Result<Edits, CdiError> {
        let (file, document) = self.file_of(name)?;
        let is_used = used.iter().any(|known| known == file);
        let own = document.devices.iter().find(|device| device.name == name.device);
        let parts = (!is_used).then_some(&document.container_edits).into_iter();
        let mut edits = Edits::default();
        for part in parts.chain(own.map(|device| &device.container_edits)) {
            if let Some(edit) = part.unsupported() {
                return Err(CdiError::Unsupported { file: file.to_owned(), edit });
            }
            edits.append(part.clone());
        }
        used.push(file.to_owned());
        Ok(edits)
    }
}

#[cfg(test)]
mod tests;
