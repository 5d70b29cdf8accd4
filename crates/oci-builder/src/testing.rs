//! How the options' tests look at a spec: a base plan, and what one change does to its spec.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use expect_test::Expect;
use serde_json::Value;

use crate::{
    Access, CapabilitySet, Cgroup, CgroupMode, CpuBandwidth, CpuResources, DEFAULT_SHM_BYTES, MemoryLimit,
    MemoryResources, NamespaceMode, NetworkNamespace, PidsLimit, Plan, Privilege, Resources, Rootfs, Seccomp,
    SwapAccounting, User, build,
};

/// A plan with a command and nothing else.
pub(crate) fn base_plan() -> Plan {
    Plan {
        args: vec!["true".into()],
        env: vec![("PATH".into(), "/usr/bin".into())],
        cwd: "/".into(),
        user: User { uid: 0, gid: 0, additional_gids: vec![] },
        hostname: "task".into(),
        rootfs: Rootfs { path: "rootfs".into(), access: Access::ReadWrite },
        network: NetworkNamespace::New,
        pid: NamespaceMode::Own,
        ipc: NamespaceMode::Own,
        uts: NamespaceMode::Own,
        privilege: Privilege::Confined,
        capabilities: CapabilitySet::DEFAULT,
        seccomp: Seccomp::Unconfined,
        sysctl: BTreeMap::new(),
        rlimits: BTreeMap::new(),
        shm_size_bytes: DEFAULT_SHM_BYTES,
        cgroup: Cgroup { mode: CgroupMode::V1, path: "/nomad/alloc.task".into() },
        resources: Resources {
            cpu: CpuResources {
                shares: 100,
                bandwidth: CpuBandwidth::Unlimited,
                cpuset_cpus: String::new(),
                cpuset_mems: String::new(),
            },
            memory: MemoryResources {
                limit: MemoryLimit::Unlimited,
                reservation_bytes: 0,
                swap_accounting: SwapAccounting::Available,
            },
            pids: PidsLimit::Unlimited,
        },
        writable_paths: vec![],
        mounts: vec![],
        devices: vec![],
        hooks: vec![],
        annotations: BTreeMap::new(),
    }
}

/// The whole spec as sorted JSON.
pub(crate) fn pretty(plan: Plan) -> String {
    let mut text = serde_json::to_string_pretty(&json(plan)).unwrap();
    text.push('\n');
    text
}

/// Checks what `change` to the base plan changes in its spec.
pub(crate) fn check(change: impl FnOnce(&mut Plan), expected: Expect) {
    let mut plan = base_plan();
    change(&mut plan);
    let mut delta = String::new();
    compare("", &named_mounts(json(base_plan())), &named_mounts(json(plan)), &mut delta);
    expected.assert_eq(&delta);
}

/// Checks that the base plan with `change` has no spec, and why.
pub(crate) fn refused(change: impl FnOnce(&mut Plan), expected: Expect) {
    let mut plan = base_plan();
    change(&mut plan);
    expected.assert_eq(&build(plan).unwrap_err().to_string());
}

fn json(plan: Plan) -> Value {
    let mut spec = serde_json::to_value(build(plan).unwrap()).unwrap();
    for set in ["bounding", "permitted", "effective"] {
        // Sets have no order of their own.
        let names = spec["process"]["capabilities"][set].as_array_mut().unwrap();
        names.sort_by_key(|name| name.to_string());
    }
    spec
}

/// Mounts by destination, and their order apart, so that one more does not read as a change of all.
fn named_mounts(mut spec: Value) -> Value {
    let Value::Array(mounts) = spec["mounts"].take() else { panic!("mounts is a list") };
    let mut order = Vec::new();
    let mut named = serde_json::Map::new();
    for mut mount in mounts {
        let destination = mount.as_object_mut().unwrap().remove("destination").unwrap();
        let destination = destination.as_str().unwrap().to_owned();
        order.push(destination.clone());
        assert!(named.insert(destination, mount).is_none(), "each destination is mounted once");
    }
    spec["mounts"] = Value::Object(named);
    spec["order of mounts"] = Value::String(order.join(" "));
    spec
}

fn compare(path: &str, before: &Value, after: &Value, delta: &mut String) {
    let (before_fields, after_fields) = (fields(before), fields(after));
    if before == after {
        return;
    }
    let (Some(before_fields), Some(after_fields)) = (before_fields, after_fields) else {
        writeln!(delta, "~ {path}: {} => {}", plain(path, before), plain(path, after)).unwrap();
        return;
    };
    let names: std::collections::BTreeSet<_> = before_fields.keys().chain(after_fields.keys()).collect();
    for name in names {
        let text = name.1.as_str();
        let path = if path.is_empty() { text.to_owned() } else { format!("{path}.{text}") };
        match (before_fields.get(name), after_fields.get(name)) {
            (Some(old), Some(new)) => compare(&path, old, new, delta),
            (Some(old), None) => writeln!(delta, "- {path}: {old}").unwrap(),
            (None, Some(new)) => writeln!(delta, "+ {path}: {new}").unwrap(),
            (None, None) => {}
        }
    }
}

fn plain(path: &str, value: &Value) -> String {
    match value.as_str() {
        Some(text) if path.starts_with("order") => text.to_owned(),
        _ => value.to_string(),
    }
}

/// Members of an object by name, or of a list by place.
fn fields(value: &Value) -> Option<BTreeMap<(usize, String), &Value>> {
    match value {
        Value::Object(object) => Some(object.iter().map(|(name, v)| ((0, name.clone()), v)).collect()),
        Value::Array(list) => {
            Some(list.iter().enumerate().map(|(place, v)| ((place, place.to_string()), v)).collect())
        }
        _ => None,
    }
}
