//! A profile that was read, and what it comes to on a host.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use oci_spec::runtime::{Arch, LinuxSeccomp, LinuxSeccompAction, LinuxSeccompFilterFlag};

use super::SeccompHost;
use super::document::{ArchEntry, Document, ProfileError, Rule, RuleText};
use crate::CapabilitySet;

/// The profile of a job that names none. It allows what docker's default profile allows (moby/profiles, `seccomp`,
/// 0.2.3); a test holds the two against each other.
const SHIPPED: &str = include_str!("default.json");

/// A seccomp profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    default_action: LinuxSeccompAction,
    default_errno: Option<u32>,
    architectures: Architectures,
    flags: Vec<LinuxSeccompFilterFlag>,
    listener_path: Option<PathBuf>,
    listener_metadata: Option<String>,
    rules: Vec<Rule>,
}

/// For which architectures a filter is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Architectures {
    /// For these on every host; for the native one alone where none is named.
    Listed(Vec<Arch>),
    /// For those of the host's entry.
    ByHost(Vec<ArchEntry>),
}

impl Profile {
    /// Reads a profile in docker's form or in the runtime spec's.
    ///
    /// Unlike docker, an empty document is no way to turn the filter off: `defaultAction` is required.
    ///
    /// # Errors
    /// [`ProfileError`], with the place in the document.
    pub fn read(json: &[u8]) -> Result<Self, ProfileError> {
        let document = Document::read(json)?;
        let listed = document.architectures.unwrap_or_default();
        let by_host = document.arch_map.unwrap_or_default();
        let architectures = match (listed.is_empty(), by_host.is_empty()) {
            (_, true) => Architectures::Listed(listed),
            (true, false) => Architectures::ByHost(by_host),
            (false, false) => return Err(ProfileError::Architectures),
        };
        let rule = |(place, text): (usize, RuleText)| {
            Rule::try_from(text).map_err(|fault| ProfileError::Rule { place, fault })
        };
        let texts = document.syscalls.unwrap_or_default().into_iter().enumerate();
        let mut rules = texts.map(rule).collect::<Result<Vec<_>, _>>()?;
        rules.retain(|rule| !rule.syscall.names().is_empty());
        Ok(Self {
            default_action: document.default_action,
            default_errno: document.default_errno_ret,
            architectures,
            flags: document.flags.unwrap_or_default(),
            listener_path: document.listener_path.filter(|path| !path.as_os_str().is_empty()),
            listener_metadata: document.listener_metadata.filter(|text| !text.is_empty()),
            rules,
        })
    }

    /// The profile of this crate, read once.
    ///
    /// # Errors
    /// [`ProfileError`], if the file in the crate were not a profile.
    pub fn shipped() -> Result<Arc<Self>, &'static ProfileError> {
        static PROFILE: LazyLock<Result<Arc<Profile>, ProfileError>> =
            LazyLock::new(|| Profile::read(SHIPPED.as_bytes()).map(Arc::new));
        PROFILE.as_ref().map(Arc::clone)
    }

    /// The socket of the host that the runtime would hand the filter's notifications to (`SCMP_ACT_NOTIFY`). A
    /// profile that a job brings reaches out of its container with it.
    #[must_use]
    pub fn listener_path(&self) -> Option<&Path> {
        self.listener_path.as_deref()
    }

    /// The rules that count on this host for a process with these capabilities.
    pub(super) fn evaluate(&self, host: SeccompHost, capabilities: CapabilitySet) -> LinuxSeccomp {
        let rules = self.rules.iter().filter(|rule| {
            rule.includes.lets_in(host, capabilities) && !rule.excludes.keeps_out(host, capabilities)
        });
        let mut seccomp = LinuxSeccomp::default();
        seccomp
            .set_default_action(self.default_action)
            .set_default_errno_ret(self.default_errno)
            .set_architectures(some(self.architectures.on(host)))
            .set_flags(some(self.flags.clone()))
            .set_listener_path(self.listener_path.clone())
            .set_listener_metadata(self.listener_metadata.clone())
            .set_syscalls(some(rules.map(|rule| rule.syscall.clone()).collect()));
        seccomp
    }
}

impl Architectures {
    fn on(&self, host: SeccompHost) -> Vec<Arch> {
        match self {
            Self::Listed(list) => list.clone(),
            Self::ByHost(entries) => {
                let native = host.architecture.to_spec();
                let entry = entries.iter().find(|entry| entry.architecture == native);
                let with_subs = |entry: &ArchEntry| {
                    std::iter::once(native).chain(entry.sub_architectures.iter().flatten().copied()).collect()
                };
                entry.map(with_subs).unwrap_or_default()
            }
        }
    }
}

fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}
