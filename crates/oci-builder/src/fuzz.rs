//! Entry points of the fuzz targets (`tests/fuzz`).

use crate::seccomp::{Profile, SeccompHost};
use crate::{CapabilitySet, Seccomp};

/// The filter that a profile comes to, as the runtime reads it; none where it can not be written.
pub fn filter(profile: Profile, host: SeccompHost, capabilities: CapabilitySet) -> Option<Vec<u8>> {
    let filter = Seccomp::Filter { profile: profile.into(), host }.into_spec(capabilities)?;
    serde_json::to_vec(&filter).ok()
}
