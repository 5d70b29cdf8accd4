//! Sizes and numbers: `shm_size`, `file_limit`, `cpuset_cpus`.

use std::collections::BTreeMap;

use linux_host::id_list::IdList;
use oci_builder::{DEFAULT_SHM_BYTES, Limit, LimitKind, parse_size};

use crate::node::host::Host;
use crate::refusal::Refusal;
use crate::request::options::TaskOptions;
use crate::request::task::TaskSpec;

/// Bytes of `/dev/shm`; 0 is no limit, as with the Go driver and podman.
pub(super) fn shm_size(text: &str) -> Result<u64, Refusal> {
    if text.is_empty() {
        return Ok(DEFAULT_SHM_BYTES);
    }
    parse_size(text).map_err(|reason| Refusal::Size { option: "shm_size", reason })
}

/// The limits of the task's processes.
pub(super) fn rlimits(options: &TaskOptions, host: Host) -> Result<BTreeMap<LimitKind, Limit>, Refusal> {
    match u64::try_from(options.file_limit) {
        Ok(0) | Err(_) => Ok(BTreeMap::new()),
        Ok(limit) if limit <= host.open_files => Ok([(LimitKind::OpenFiles, Limit::fixed(limit))].into()),
        Ok(limit) => {
            let accepted = format!("1 to {} is accepted, which is all that this host gives", host.open_files);
            Err(Refusal::new("file_limit", limit.to_string(), accepted))
        }
    }
}

/// `cpuset_cpus` and `cpuset_mems` in the kernel's own form, however long the job wrote them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cpuset {
    pub(crate) cpus: String,
    pub(crate) memory_nodes: String,
}

pub(super) fn cpuset(spec: &TaskSpec) -> Result<Cpuset, Refusal> {
    let (options, reserved) = (&spec.options, &spec.resources.cpuset_cpus);
    if !options.cpuset_cpus.is_empty() && !reserved.is_empty() {
        let hint = format!(
            "Nomad has reserved cores {reserved} for the task; remove cpuset_cpus, or cores from its resources"
        );
        return Err(Refusal::new("cpuset_cpus", shown(&options.cpuset_cpus), hint));
    }
    Ok(Cpuset {
        cpus: canonical("cpuset_cpus", &options.cpuset_cpus, "must be a list of CPUs such as \"0-2,7\"")?,
        memory_nodes: canonical(
            "cpuset_mems",
            &options.cpuset_mems,
            "must be a list of memory nodes such as \"0-1\"",
        )?,
    })
}

fn canonical(option: &'static str, text: &str, hint: &str) -> Result<String, Refusal> {
    match IdList::parse(text) {
        Some(list) => Ok(list.to_string()),
        None => Err(Refusal::new(option, shown(text), hint)),
    }
}

/// The beginning of a text that may be of any length.
fn shown(text: &str) -> String {
    const LONGEST: usize = 80;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::spec;

    fn told(text: &str) -> String {
        let mut spec = spec("web");
        spec.options.cpuset_cpus = text.to_owned();
        cpuset(&spec).map_or_else(|refusal| refusal.to_string(), |cpuset| cpuset.cpus)
    }

    #[test]
    fn a_list_reaches_the_runtime_in_its_shortest_form() {
        assert_eq!(told(&vec!["0-1"; 4000].join(",")), "0-1");
        assert_eq!(told("3,1,2"), "1-3");
        assert_eq!(told(""), "");
    }

    #[test]
    fn what_is_no_list_is_refused_with_its_beginning() {
        assert_eq!(told("all"), r#"cpuset_cpus = "all": must be a list of CPUs such as "0-2,7""#);
        let told = told(&"x".repeat(5000));
        assert!(told.len() < 200 && told.contains("xxx…"), "{told}");
    }
}
