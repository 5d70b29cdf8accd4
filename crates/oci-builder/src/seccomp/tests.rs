//! Profiles: read, refused, and held against what docker's library makes of them.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use expect_test::expect;
use oci_spec::runtime::{LinuxSeccomp, LinuxSyscall};
use proptest::prelude::*;

use super::{Architecture, KernelVersion, Profile, Seccomp, SeccompHost};
use crate::CapabilitySet;
use crate::testing::check;

const CONDITIONS: &str = include_str!("../../tests/seccomp/conditions.json");

/// The entries of a filter, each system call apart, so that it does not matter how a profile arranges them.
fn entries(filter: &LinuxSeccomp) -> BTreeSet<String> {
    let default = action(filter.default_action().to_string(), filter.default_errno_ret());
    let mut entries = BTreeSet::from([format!("default {default}")]);
    entries.extend(filter.flags().iter().flatten().map(|flag| format!("flag {flag}")));
    entries.extend(filter.architectures().iter().flatten().map(|arch| {
        let name = serde_json::to_value(arch).unwrap();
        format!("for {}", name.as_str().unwrap())
    }));
    entries.extend(filter.syscalls().iter().flatten().flat_map(|rule| {
        let what = what_happens(rule);
        rule.names().iter().map(move |name| format!("{name}{what}"))
    }));
    entries
}

fn what_happens(rule: &LinuxSyscall) -> String {
    let action = action(rule.action().to_string(), rule.errno_ret());
    let args: Vec<_> = rule.args().iter().flatten().collect();
    if action == "ALLOW" && args.is_empty() {
        return String::new();
    }
    let mut text = format!(" {action}");
    for arg in args {
        let op = arg.op().to_string();
        let op = op.strip_prefix("SCMP_CMP_").unwrap();
        write!(text, " arg{} {op} {} {}", arg.index(), arg.value(), arg.value_two().unwrap_or(0)).unwrap();
    }
    text
}

fn action(name: String, errno: Option<u32>) -> String {
    let name = name.strip_prefix("SCMP_ACT_").unwrap();
    errno.map_or_else(|| name.to_owned(), |errno| format!("{name} {errno}"))
}

/// The filter for a title such as `amd64, kernel 6.1, usual and SYS_ADMIN`.
fn filter_for(profile: &Profile, title: &str) -> BTreeSet<String> {
    let parts: Vec<&str> = title.splitn(3, ", ").collect();
    let architecture = match parts[0] {
        "amd64" => Architecture::Amd64,
        "arm64" => Architecture::Arm64,
        "ppc64le" => Architecture::Ppc64le,
        "riscv64" => Architecture::Riscv64,
        "s390x" => Architecture::S390x,
        other => panic!("no architecture {other}"),
    };
    let kernel = KernelVersion::from_release(parts[1].strip_prefix("kernel ").unwrap()).unwrap();
    let capabilities = parts[2].replace(" and ", ", ").split(", ").fold(CapabilitySet::EMPTY, |set, word| {
        set.union(match word {
            "none" => CapabilitySet::EMPTY,
            "usual" => CapabilitySet::DEFAULT,
            name => CapabilitySet::from_names("caps", &[name]).unwrap(),
        })
    });
    entries(&profile.evaluate(SeccompHost { architecture, kernel }, capabilities))
}

fn joined<'a>(entries: impl Iterator<Item = &'a String>) -> String {
    entries.map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// The cases of docker's answers again, answered by us.
fn answered(profile: &Profile, docker: &str, deltas: bool) -> String {
    let mut text = String::new();
    let mut first: Option<BTreeSet<String>> = None;
    for line in docker.lines().filter(|line| !line.starts_with(' ')) {
        if line.starts_with('#') {
            writeln!(text, "{line}").unwrap();
            continue;
        }
        let (title, _) = line.rsplit_once(": ").unwrap();
        let filter = filter_for(profile, title);
        let allowed = filter.iter().filter(|entry| !entry.contains(' ')).count();
        writeln!(text, "{title}: {allowed}").unwrap();
        match first.as_ref().filter(|_| deltas) {
            Some(first) => {
                let changes =
                    [('+', joined(filter.difference(first))), ('-', joined(first.difference(&filter)))];
                for (sign, entries) in changes.into_iter().filter(|(_, entries)| !entries.is_empty()) {
                    writeln!(text, "  {sign} {entries}").unwrap();
                }
            }
            None => filter.iter().for_each(|entry| writeln!(text, "  {entry}").unwrap()),
        }
        first.get_or_insert(filter);
    }
    text
}

fn host() -> SeccompHost {
    SeccompHost { architecture: Architecture::Amd64, kernel: KernelVersion { major: 6, minor: 1 } }
}

fn refused(json: &str) -> String {
    let error = Profile::read(json.as_bytes()).unwrap_err();
    match std::error::Error::source(&error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

#[test]
fn our_profile_allows_what_dockers_does_for_every_capability_and_architecture() {
    let docker = include_str!("../../tests/seccomp/default.txt");
    let cases = docker.lines().filter(|line| line.contains(", kernel ")).count();
    assert_eq!(cases, 54);
    let ours = answered(&Profile::shipped().unwrap(), docker, true);
    assert!(ours == docker, "{}", first_difference(&ours, docker));
}

#[test]
fn conditions_mean_what_they_mean_in_docker() {
    let docker = include_str!("../../tests/seccomp/conditions.txt");
    let ours = answered(&Profile::read(CONDITIONS.as_bytes()).unwrap(), docker, false);
    assert!(ours == docker, "{}", first_difference(&ours, docker));
}

fn first_difference(ours: &str, docker: &str) -> String {
    let differing = ours.lines().zip(docker.lines()).find(|(a, b)| a != b);
    format!("ours and docker's first differing lines: {differing:#?}")
}

#[test]
fn the_plain_form_of_the_runtime_spec_comes_through_as_it_is() {
    let plain = r#"{
        "defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X32"],
        "flags": ["SECCOMP_FILTER_FLAG_SPEC_ALLOW"],
        "listenerPath": "/run/agent.sock", "listenerMetadata": "task",
        "syscalls": [
            {"names": ["getcwd", "chmod"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13},
            {"names": ["clone"], "action": "SCMP_ACT_NOTIFY",
             "args": [{"index": 0, "value": 2080505856, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]}
        ]
    }"#;
    let profile = Profile::read(plain.as_bytes()).unwrap();
    assert_eq!(profile.listener_path(), Some(std::path::Path::new("/run/agent.sock")));
    let filter = profile.evaluate(host(), CapabilitySet::EMPTY);
    let expected: LinuxSeccomp = serde_json::from_str(plain).unwrap();
    assert_eq!(filter, expected);
}

#[test]
fn a_filter_stands_in_the_spec_with_the_rules_that_count() {
    let profile = Arc::new(Profile::read(CONDITIONS.as_bytes()).unwrap());
    check(
        |plan| plan.seccomp = Seccomp::Filter { profile, host: host() },
        expect![[r#"
        + linux.seccomp: {"architectures":["SCMP_ARCH_X86_64","SCMP_ARCH_X86"],"defaultAction":"SCMP_ACT_KILL_PROCESS","flags":["SECCOMP_FILTER_FLAG_LOG"],"syscalls":[{"action":"SCMP_ACT_ALLOW","names":["read"]},{"action":"SCMP_ACT_LOG","names":["write","writev"]},{"action":"SCMP_ACT_ERRNO","errnoRet":38,"names":["io_uring_setup"]},{"action":"SCMP_ACT_ALLOW","names":["arch_prctl"]},{"action":"SCMP_ACT_TRAP","names":["iopl"]}]}
    "#]],
    );
}

#[test]
fn the_rules_go_by_the_plans_capabilities() {
    let profile = Profile::shipped().unwrap();
    let allowed = |capabilities| {
        let mut plan = crate::testing::base_plan();
        plan.capabilities = capabilities;
        plan.seccomp = Seccomp::Filter { profile: profile.clone(), host: host() };
        entries(&crate::build(plan).unwrap().linux().clone().unwrap().seccomp().clone().unwrap())
    };
    assert!(allowed(CapabilitySet::ALL).contains("mount"));
    assert!(!allowed(CapabilitySet::DEFAULT).contains("mount"));
}

#[test]
fn what_is_no_profile_is_refused_with_the_place() {
    expect!["it is not a seccomp profile (line 2, column 20)"]
        .assert_eq(&refused("{\n  \"defaultAction\": ALLOW\n}"));
    expect!["it is not a seccomp profile (line 1, column 2)"].assert_eq(&refused("{}"));
    expect!["it is not a seccomp profile (line 1, column 2)"].assert_eq(&refused("[]"));
    expect!["it is not a seccomp profile (line 1, column 37)"]
        .assert_eq(&refused("{\"defaultAction\": \"SCMP_ACT_ALLOW\"} x"));
    expect!["it is not a seccomp profile (line 2, column 36)"]
        .assert_eq(&refused("{\n  \"defaultAction\": \"SCMP_ACT_PERMIT\"\n}"));
}

fn rule(rule: &str) -> String {
    refused(&format!("{{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": [\n{rule}\n]}}"))
}

#[test]
fn what_is_no_rule_is_refused_with_the_place() {
    expect!["syscalls[0] of the seccomp profile has both name and names; remove one of them"]
        .assert_eq(&rule(r#"{"name": "read", "names": ["write"], "action": "SCMP_ACT_LOG"}"#));
    expect!["syscalls[0] of the seccomp profile has a name that is no system call's; names have lower-case letters, digits and _"].assert_eq(&rule(r#"{"names": ["open at"], "action": "SCMP_ACT_LOG"}"#));
    expect!["syscalls[0] of the seccomp profile looks at an argument that system calls do not have; index must be 0 to 5"].assert_eq(&rule(
        r#"{"names": ["read"], "action": "SCMP_ACT_LOG", "args": [{"index": 6, "value": 0, "op": "SCMP_CMP_EQ"}]}"#,
    ));
    expect!["it is not a seccomp profile (line 2, column 81)"].assert_eq(&rule(
        r#"{"names": ["read"], "action": "SCMP_ACT_LOG", "includes": {"minKernel": "4.8.1"}}"#,
    ));
    expect!["it is not a seccomp profile (line 2, column 85)"].assert_eq(&rule(
        r#"{"names": ["read"], "action": "SCMP_ACT_LOG", "excludes": {"caps": ["CAP_SYSADMIN"]}}"#,
    ));
}

#[test]
fn a_profile_with_two_kinds_of_architectures_or_without_measure_is_refused() {
    expect!["the seccomp profile has both architectures and archMap; remove one of them"].assert_eq(
        &refused(
            r#"{"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86"],
            "archMap": [{"architecture": "SCMP_ARCH_X86_64"}]}"#,
        ),
    );
    expect!["the seccomp profile has 1048577 bytes; it must have at most 1048576"]
        .assert_eq(&refused(&" ".repeat(1024 * 1024 + 1)));
    for deep in ["[".repeat(500_000), "{\"a\":".repeat(200_000)] {
        let profile = format!("{{\"defaultAction\": \"SCMP_ACT_LOG\", \"comment\": {deep}");
        let text = refused(&profile);
        assert!(text.starts_with("it is not a seccomp profile (line 1, column "), "{text}");
    }
}

fn capability_sets() -> impl Strategy<Value = CapabilitySet> {
    prop::collection::vec(prop::sample::select(CapabilitySet::ALL.iter().collect::<Vec<_>>()), 0..20)
        .prop_map(|list| list.into_iter().collect())
}

proptest! {
    #[test]
    fn a_capability_more_never_takes_a_system_call_away(a in capability_sets(), b in capability_sets()) {
        let profile = Profile::shipped().unwrap();
        let names = |capabilities| -> BTreeSet<String> {
            let filter = entries(&profile.evaluate(host(), capabilities));
            filter.into_iter().filter(|entry| !entry.contains(' ')).collect()
        };
        prop_assert!(names(a).is_subset(&names(a.union(b))));
    }

    #[test]
    fn random_bytes_are_no_profile(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Profile::read(&bytes).is_err());
    }

    #[test]
    fn a_profile_with_any_damage_is_a_profile_or_an_error(
        place in 0..CONDITIONS.len(), cut in 0..40_usize, patch in "[ -~]{0,4}",
    ) {
        let end = (place + cut).min(CONDITIONS.len());
        let damaged = [&CONDITIONS[..place], &patch, &CONDITIONS[end..]].concat();
        if let Ok(profile) = Profile::read(damaged.as_bytes()) {
            let filter = profile.evaluate(host(), CapabilitySet::ALL);
            prop_assert!(filter.syscalls().iter().flatten().all(|rule| !rule.names().is_empty()));
        }
    }
}
