//! What containers are made from: seccomp profiles, and an image's users.

use linux_host::users;
use oci_builder::CapabilitySet;
use oci_builder::fuzz::filter;
use oci_builder::seccomp::{Architecture, KernelVersion, Profile, SeccompHost};

use crate::target::{Target, workspace};

pub(crate) const SECCOMP: Target = Target {
    name: "seccomp",
    run: seccomp,
    seeds: || {
        let read = |path: &str| std::fs::read(workspace().join("crates/oci-builder").join(path)).unwrap();
        let runtime = br#"{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1, "architectures": ["SCMP_ARCH_X86_64"],
            "flags": ["SECCOMP_FILTER_FLAG_LOG"], "listenerPath": "/run/x.sock", "listenerMetadata": "m",
            "syscalls": [{"names": ["clone"], "action": "SCMP_ACT_NOTIFY", "errnoRet": 38, "args":
                [{"index": 5, "value": 2080505856, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]}]}"#;
        let docker = br#"{"defaultAction": "SCMP_ACT_ALLOW", "archMap": [{"architecture": "SCMP_ARCH_X86_64",
            "subArchitectures": ["SCMP_ARCH_X86"]}], "syscalls": [{"name": "bpf", "action": "SCMP_ACT_LOG",
            "includes": {"caps": ["CAP_SYS_ADMIN"], "minKernel": "4.8", "arches": ["amd64"]}, "excludes": {"minKernel": "6.9"}}]}"#;
        vec![
            runtime.to_vec(),
            docker.to_vec(),
            read("tests/seccomp/conditions.json"),
            read("src/seccomp/default.json"),
        ]
    },
    longest: 20_000,
};

pub(crate) const USERS: Target = Target {
    name: "users",
    run: users,
    seeds: || {
        let files = "root:x:0:0:root:/root:/bin/sh\nredis:x:999:1000::/data\n1234:x:55:55::/n:/bin/sh\n\0\
                     root:x:0:root\nredis:x:1000:\naudio:x:29:redis,root,redis\n";
        ["redis", "0", "redis:audio", ":29", "1234:1000"]
            .map(|user| format!("{user}\0{files}").into_bytes())
            .to_vec()
    },
    longest: 2048,
};

/// A filter is itself a profile, in the runtime's form, and comes to the same filter. A container with fewer
/// capabilities has no socket more.
fn seccomp(bytes: &[u8]) -> bool {
    let host =
        SeccompHost { architecture: Architecture::Amd64, kernel: KernelVersion { major: 6, minor: 1 } };
    let Ok(profile) = Profile::read(bytes) else { return false };
    let listener = profile.listener_path().map(std::path::Path::to_owned);
    let made = filter(profile, host, CapabilitySet::DEFAULT).unwrap();
    let again = Profile::read(&made).unwrap();
    assert_eq!(again.listener_path(), listener.as_deref());
    let again = filter(again, host, CapabilitySet::DEFAULT).unwrap();
    assert_eq!(String::from_utf8_lossy(&again), String::from_utf8_lossy(&made));
    true
}

/// A user, passwd and group, divided by NUL. Whom a file or a number gives is one user with a primary group that is the
/// first of all, each group once.
fn users(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let mut parts = text.splitn(3, '\0');
    let mut part = || parts.next().unwrap_or_default();
    let (user, passwd, group) = (part(), part(), part());
    match users::resolve(user, passwd, group) {
        Ok(found) => {
            assert_eq!(found.additional_gids.first(), Some(&found.gid));
            let mut groups = found.additional_gids.clone();
            groups.sort_unstable();
            groups.dedup();
            assert_eq!(groups.len(), found.additional_gids.len(), "{found:?}");
            assert!(groups.len() <= 1 + group.lines().count());
            assert!(!found.home.as_os_str().is_empty());
            true
        }
        Err(error) => {
            assert!(error.to_string().len() < 1024 + 8 * user.len());
            false
        }
    }
}
