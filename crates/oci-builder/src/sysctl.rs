//! `sysctl` (`linux.sysctl`): kernel parameters of the container's own namespaces.
//!
//! A parameter that is not part of a namespace, or of one that is the host's, would change the host: it is refused
//! here with the reason, where the runtime would refuse it after everything else was made.

use std::collections::{BTreeMap, HashMap};

use crate::{BuildError, NamespaceMode, NetworkNamespace, check};

/// The parameters of an IPC namespace beside `fs.mqueue.` (ipc_namespaces(7)).
const IPC: [&str; 8] = [
    "kernel.msgmax",
    "kernel.msgmnb",
    "kernel.msgmni",
    "kernel.sem",
    "kernel.shm_rmid_forced",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
];

/// The first port that a process without capabilities may listen on.
const UNPRIVILEGED_PORTS: &str = "net.ipv4.ip_unprivileged_port_start";

pub(crate) fn sysctl(
    sysctl: BTreeMap<String, String>,
    network: &NetworkNamespace,
    ipc: NamespaceMode,
    uts: NamespaceMode,
) -> Result<Option<HashMap<String, String>>, BuildError> {
    let mut parameters = HashMap::with_capacity(sysctl.len());
    for (key, value) in sysctl {
        check::no_nul("sysctl", &value)?;
        let dotted = dotted(&key)?;
        let namespace = namespace_of(&dotted)?;
        let is_hosts = match namespace {
            Namespace::Network => *network == NetworkNamespace::Host,
            Namespace::Ipc => ipc == NamespaceMode::Host,
            Namespace::Uts => uts == NamespaceMode::Host,
        };
        if is_hosts {
            return Err(BuildError::SysctlOfHost { key: dotted, namespace: namespace.name() });
        }
        if parameters.insert(dotted, value).is_some() {
            return Err(BuildError::SysctlTwice { key });
        }
    }
    if *network != NetworkNamespace::Host {
        // As with docker: a server that runs as its own user may listen on port 80 of a network of its own.
        parameters.entry(UNPRIVILEGED_PORTS.to_owned()).or_insert_with(|| "0".to_owned());
    }
    Ok((!parameters.is_empty()).then_some(parameters))
}

/// The key with dots between its parts, the only form that every runtime reads alike; sysctl(8) also takes slashes.
fn dotted(key: &str) -> Result<String, BuildError> {
    let refused = || BuildError::SysctlName { key: key.to_owned() };
    if key.contains('/') && key.contains('.') {
        return Err(refused());
    }
    let dotted = key.replace('/', ".");
    let is_part = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-:@".contains(&b))
    };
    if dotted.contains('.') && dotted.split('.').all(is_part) { Ok(dotted) } else { Err(refused()) }
}

/// A namespace that has parameters of its own.
#[derive(Clone, Copy)]
enum Namespace {
    Network,
    Ipc,
    Uts,
}

impl Namespace {
    fn name(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Ipc => "IPC",
            Self::Uts => "UTS",
        }
    }
}

fn namespace_of(key: &str) -> Result<Namespace, BuildError> {
    match key {
        "kernel.hostname" => Err(BuildError::SysctlHostname),
        "kernel.domainname" => Ok(Namespace::Uts),
        _ if key.starts_with("net.") => Ok(Namespace::Network),
        _ if IPC.contains(&key) || key.starts_with("fs.mqueue.") => Ok(Namespace::Ipc),
        _ => Err(BuildError::SysctlNotNamespaced { key: key.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proptest::prelude::*;

    use super::{BTreeMap, HashMap};
    use crate::testing::{check, refused};
    use crate::{BuildError, NamespaceMode, NetworkNamespace};

    fn sysctl(
        parameters: BTreeMap<String, String>,
        network: &NetworkNamespace,
    ) -> Result<Option<HashMap<String, String>>, BuildError> {
        super::sysctl(parameters, network, NamespaceMode::Own, NamespaceMode::Own)
    }

    fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn parameters_of_the_containers_namespaces_are_set() {
        check(
            |plan| plan.sysctl = pairs(&[("net.core.somaxconn", "16384")]),
            expect![[r#"
                + linux.sysctl.net.core.somaxconn: "16384"
            "#]],
        );
        for key in
            ["kernel.shmmax", "fs.mqueue.msg_max", "kernel.domainname", "net.ipv4.conf.eth0-1.rp_filter"]
        {
            assert!(sysctl(pairs(&[(key, "1")]), &NetworkNamespace::New).is_ok(), "{key}");
        }
    }

    #[test]
    fn slashes_become_dots() {
        check(
            |plan| plan.sysctl = pairs(&[("net/core/somaxconn", "1")]),
            expect![[r#"
                + linux.sysctl.net.core.somaxconn: "1"
            "#]],
        );
    }

    #[test]
    fn the_networks_parameters_need_a_network_of_the_containers_own() {
        refused(
            |plan| {
                plan.network = NetworkNamespace::Host;
                plan.sysctl = pairs(&[("net.ipv4.ip_forward", "1")]);
            },
            expect![[
                r#"sysctl: "net.ipv4.ip_forward" would change the host, whose network namespace the task is in (accepted: parameters of namespaces that are the task's own)"#
            ]],
        );
        let path = NetworkNamespace::Path("/run/netns/group".into());
        assert!(sysctl(pairs(&[("net.ipv4.ip_forward", "1")]), &path).is_ok());
    }

    #[test]
    fn parameters_of_a_namespace_that_is_the_hosts_are_refused() {
        refused(
            |plan| {
                plan.ipc = NamespaceMode::Host;
                plan.sysctl = pairs(&[("kernel.shmmax", "1")]);
            },
            expect![[
                r#"sysctl: "kernel.shmmax" would change the host, whose IPC namespace the task is in (accepted: parameters of namespaces that are the task's own)"#
            ]],
        );
        refused(
            |plan| {
                plan.uts = NamespaceMode::Host;
                plan.sysctl = pairs(&[("kernel.domainname", "a")]);
            },
            expect![[
                r#"sysctl: "kernel.domainname" would change the host, whose UTS namespace the task is in (accepted: parameters of namespaces that are the task's own)"#
            ]],
        );
    }

    #[test]
    fn what_would_change_the_host_is_refused() {
        refused(
            |plan| plan.sysctl = pairs(&[("vm.swappiness", "1")]),
            expect![[
                r#"sysctl: "vm.swappiness" is a parameter of the whole host (accepted: net.*, fs.mqueue.*, kernel.domainname and System V IPC's kernel.msg*, kernel.sem, kernel.shm*)"#
            ]],
        );
        for key in ["kernel.core_pattern", "fs.file-max", "user.max_user_namespaces", "kernel.pid_max"] {
            assert!(sysctl(pairs(&[(key, "1")]), &NetworkNamespace::New).is_err(), "{key}");
        }
    }

    #[test]
    fn the_host_name_is_an_option_of_its_own() {
        refused(
            |plan| plan.sysctl = pairs(&[("kernel.hostname", "a")]),
            expect![[r#"sysctl: "kernel.hostname" has an option of its own: hostname"#]],
        );
    }

    #[test]
    fn one_parameter_in_two_spellings_is_refused() {
        refused(
            |plan| plan.sysctl = pairs(&[("net.core.somaxconn", "1"), ("net/core/somaxconn", "2")]),
            expect![[r#"sysctl: "net/core/somaxconn" is set twice (accepted: one of its two spellings)"#]],
        );
    }

    #[test]
    fn keys_that_are_no_keys_are_refused() {
        refused(
            |plan| plan.sysctl = pairs(&[("net./../kernel.core_pattern", "x")]),
            expect![[
                r#"sysctl: "net./../kernel.core_pattern" is not a kernel parameter (accepted: names such as "net.core.somaxconn")"#
            ]],
        );
        for key in
            ["", "net", "net..a", ".net.a", "net.a.", "net.a b", "net/a/../../kernel/b", "net.é", "net.a\0"]
        {
            assert!(sysctl(pairs(&[(key, "1")]), &NetworkNamespace::New).is_err(), "{key:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_set_outside_the_containers_namespaces(key in "(net|kernel|fs)[./a-z]{0,20}|[ -~]{0,12}") {
            if let Ok(Some(set)) = sysctl(pairs(&[(&key, "1")]), &NetworkNamespace::New) {
                for key in set.keys() {
                    prop_assert!(!key.contains('/') && !key.contains(".."), "{}", key);
                    prop_assert!(["net.", "kernel.", "fs.mqueue."].iter().any(|prefix| key.starts_with(prefix)));
                }
            }
            if let Ok(Some(set)) = sysctl(pairs(&[(&key, "1")]), &NetworkNamespace::Host) {
                prop_assert!(set.keys().all(|key| !key.starts_with("net.")));
            }
        }
    }
}
