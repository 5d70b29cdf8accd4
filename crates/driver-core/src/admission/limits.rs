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

/// The longest argument or variable that the kernel gives a program, in bytes (`MAX_ARG_STRLEN`, with the NUL at its end).
const LONGEST_TEXT: usize = 128 * 1024 - 1;
/// How many bytes all of them have at most, where the stack has the usual limit of 8 MiB (execve(2)).
const ALL_TEXTS: usize = 2 * 1024 * 1024;

/// The program's arguments and variables: with too long ones it could not be run, and nothing would say why.
pub(super) fn check_program(spec: &TaskSpec) -> Result<(), Refusal> {
    let options = &spec.options;
    let arguments = options.entrypoint.iter().chain(&options.command).chain(&options.args);
    let arguments = arguments.map(|text| ("args", text.as_str(), text.len()));
    let variables =
        spec.env.0.iter().map(|(name, value)| ("env", name.as_str(), name.len() + 1 + value.len()));
    let mut together = 0;
    for (option, text, length) in arguments.chain(variables) {
        if length > LONGEST_TEXT {
            let hint = format!("must have at most {LONGEST_TEXT} bytes; put longer texts into a file");
            return Err(Refusal::new(option, shown(text), hint));
        }
        together += length + 1;
    }
    if together > ALL_TEXTS {
        let hint = format!("arguments and variables must have at most {ALL_TEXTS} bytes together");
        return Err(Refusal::new("args", format!("{together} bytes"), hint));
    }
    Ok(())
}

/// A path in the container that the kernel could not take; the runtime puts that of the root in front of it.
pub(super) fn check_path(option: &'static str, path: &str) -> Result<(), Refusal> {
    if path.len() <= 3000 && path.split('/').all(|part| part.len() <= 255) {
        return Ok(());
    }
    Err(Refusal::new(option, shown(path), "must have at most 255 bytes between two slashes, and 3000 in all"))
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
    fn what_the_kernel_gives_no_program_is_refused() {
        let told = |change: fn(&mut TaskSpec)| {
            let mut spec = spec("web");
            change(&mut spec);
            check_program(&spec).map_or_else(|refusal| refusal.to_string(), |()| "fine".to_owned())
        };
        let of = |bytes: usize| "a".repeat(bytes);
        assert_eq!(told(|spec| spec.options.args = vec!["a".repeat(LONGEST_TEXT); 10]), "fine");
        let long = told(|spec| spec.options.args = vec!["a".repeat(LONGEST_TEXT + 1)]);
        assert_eq!(
            long,
            format!("args = \"{}…\": must have at most 131071 bytes; put longer texts into a file", of(80))
        );
        let variable = told(|spec| drop(spec.env.0.insert("LONG".to_owned(), "a".repeat(LONGEST_TEXT - 4))));
        assert_eq!(variable, "env = \"LONG\": must have at most 131071 bytes; put longer texts into a file");
        let many = told(|spec| spec.options.args = vec!["a".repeat(1023); 2049]);
        let hint = "arguments and variables must have at most 2097152 bytes together";
        assert!(many.starts_with("args = \"2098") && many.ends_with(hint), "{many}");
    }

    #[test]
    fn what_is_no_list_is_refused_with_its_beginning() {
        assert_eq!(told("all"), r#"cpuset_cpus = "all": must be a list of CPUs such as "0-2,7""#);
        let told = told(&"x".repeat(5000));
        assert!(told.len() < 200 && told.contains("xxx…"), "{told}");
    }
}
