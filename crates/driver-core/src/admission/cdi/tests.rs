//! What the edits of a specification become.

use expect_test::expect;

use super::*;
use crate::error::chain;

/// The edits of a device whose `containerEdits` are these.
fn edits(edits: &str) -> Result<CdiEdits, DriverError> {
    let directory = tempfile::tempdir().unwrap();
    let devices = format!(r#"[{{"name": "a", "containerEdits": {{{edits}}}}}]"#);
    let text = format!(r#"{{"cdiVersion": "0.7.0", "kind": "v.com/c", "devices": {devices}}}"#);
    std::fs::write(directory.path().join("v.json"), text).unwrap();
    let name = Name::from_text("v.com/c=a").unwrap();
    CdiEdits::find(&[directory.path()], &[&name, &name])
}

fn told(text: &str) -> String {
    chain(&edits(text).unwrap_err())
}

fn node(text: &str) -> Device {
    let mut devices = edits(&format!(r#""deviceNodes": [{{{text}}}]"#)).unwrap().devices;
    assert_eq!(devices.len(), 1);
    devices.remove(0)
}

#[test]
fn a_node_has_the_hosts_numbers_where_it_has_none_of_its_own() {
    let null = Device {
        path: "/dev/nothing".into(),
        kind: DeviceKind::Char,
        major: 1,
        minor: 3,
        mode: 0o666,
        uid: 0,
        gid: 0,
        permissions: DevicePermissions::ALL,
    };
    assert_eq!(node(r#""path": "/dev/nothing", "hostPath": "/dev/null""#), null);
    assert_eq!(
        node(r#""path": "/dev/null", "type": "c""#),
        Device { path: "/dev/null".into(), ..null.clone() }
    );
    let own =
        r#""path": "/dev/nothing", "hostPath": "/dev/null", "fileMode": 384, "permissions": "r", "gid": 5"#;
    let read = DevicePermissions { read: true, write: false, mknod: false };
    assert_eq!(node(own), Device { mode: 0o600, gid: 5, permissions: read, ..null });
}

#[test]
fn a_node_with_numbers_of_its_own_needs_none_on_the_host() {
    let gpu = node(r#""path": "/dev/v", "type": "b", "major": 195, "minor": 7, "permissions": "none""#);
    assert_eq!((gpu.kind, gpu.major, gpu.minor), (DeviceKind::Block, 195, 7));
    assert_eq!(gpu.permissions.letters(), "");
}

#[test]
fn mounts_are_binds_and_keep_their_options() {
    let mounts = r#"{"hostPath": "/usr", "containerPath": "/a"},
        {"hostPath": "/usr", "containerPath": "/b", "options": ["ro", "nosuid", "bind", "rslave"], "type": "x"},
        {"hostPath": "tmpfs", "containerPath": "/c", "options": ["size=1m"], "type": "tmpfs"}"#;
    let mounts = edits(&format!(r#""mounts": [{mounts}]"#)).unwrap().extras.mounts;
    let source = || PathBuf::from("/usr");
    let bind = |propagation| MountKind::Bind { source: source(), propagation };
    let shallow = |propagation| MountKind::ShallowBind { source: source(), propagation };
    let kinds: Vec<_> = mounts.iter().map(|mount| mount.kind.clone()).collect();
    let memory = MountKind::Filesystem { kind: "tmpfs".into(), source: "tmpfs".into() };
    let (private, slave) = (oci_builder::Propagation::Private, oci_builder::Propagation::HostToTask);
    assert_eq!(kinds, [bind(private), shallow(slave), memory]);
    assert_eq!((mounts[1].access, &mounts[1].options), (Access::ReadOnly, &vec!["nosuid".to_owned()]));
}

#[test]
fn variables_groups_and_hooks_arrive() {
    let text = r#""env": ["A=1"], "additionalGids": [0, 44],
        "hooks": [{"hookName": "poststop", "path": "/bin/h", "args": ["h"], "env": ["B=2"], "timeout": 3}]"#;
    let Extras { env, mounts, hooks, gids } = edits(text).unwrap().extras;
    assert_eq!((env, mounts, gids), (vec![("A".into(), "1".into())], Vec::new(), vec![44]));
    let hook = Hook {
        point: HookPoint::Poststop,
        path: "/bin/h".into(),
        args: vec!["h".into()],
        env: vec![("B".into(), "2".into())],
        timeout_seconds: Some(3),
    };
    assert_eq!(hooks, [hook]);
}

#[test]
fn what_can_not_be_given_names_device_and_reason() {
    let told = [
        told(r#""deviceNodes": [{"path": "/dev/null", "type": "b"}]"#),
        told(r#""deviceNodes": [{"path": "/dev/x", "hostPath": "/dev/no-such"}]"#),
        told(r#""deviceNodes": [{"path": "/dev/x", "hostPath": "/dev"}]"#),
        told(r#""deviceNodes": [{"path": "/dev/null", "permissions": "x"}]"#),
        told(r#""mounts": [{"hostPath": "/no-such", "containerPath": "/x"}]"#),
        told(r#""mounts": [{"hostPath": "/usr", "containerPath": "/x", "type": "nfs"}]"#),
    ];
    expect![[r#"
        devices = "v.com/c=a" can not be used (accepted: a device whose specification has nodes and mounts that are on the host): its node "/dev/null" is of another type on this host
        devices = "v.com/c=a" can not be used (accepted: a device whose specification has nodes and mounts that are on the host): cannot look at the device "/dev/no-such": No such file or directory (os error 2)
        devices = "v.com/c=a" can not be used (accepted: a device whose specification has nodes and mounts that are on the host): its node "/dev" is no device node on this host
        devices = "v.com/c=a" can not be used (accepted: a device whose specification has nodes and mounts that are on the host): its node "/dev/null" has the permissions "x" (accepted: letters of r, w and m, or none)
        devices = "v.com/c=a" can not be used (accepted: a device whose specification has nodes and mounts that are on the host): its mount's source "/no-such" can not be used: No such file or directory (os error 2)
        devices = "v.com/c=a" can not be used (accepted: a device whose specification has nodes and mounts that are on the host): mounts: "nfs" is not a type of mount (accepted: volume, bind, tmpfs)"#]].assert_eq(&told.join("\n"));
}
