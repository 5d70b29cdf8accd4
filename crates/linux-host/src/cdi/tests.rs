//! Which device is found where, and what is told when it is not.

use std::path::Path;

use expect_test::expect;

use super::*;

/// Two directories, the second over the first.
struct Host {
    root: tempfile::TempDir,
}

impl Host {
    fn new(files: &[(&str, &str)]) -> Self {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self { root }
    }

    fn find(&self, names: &[&str]) -> Result<Edits, CdiError> {
        let directories = ["etc", "run"].map(|name| self.root.path().join(name));
        let catalogue = Catalogue::read(&directories.each_ref().map(|path| path.as_path()));
        let (mut all, mut used) = (Edits::default(), Vec::new());
        for name in names {
            all.append(catalogue.edits(&Name::from_text(name).unwrap(), &mut used)?);
        }
        Ok(all)
    }

    /// The variables of the devices, or why there are none.
    fn told(&self, names: &[&str]) -> String {
        match self.find(names) {
            Ok(edits) => {
                let pairs = edits.env.iter().map(|variable| format!("{}={}", variable.name, variable.value));
                pairs.collect::<Vec<_>>().join(" ")
            }
            Err(error) => error.to_string().replace(self.root.path().to_str().unwrap(), ""),
        }
    }
}

/// A specification of one device with one variable.
fn one(kind: &str, device: &str, value: &str) -> String {
    format!(
        r#"{{"cdiVersion": "0.5.0", "kind": "{kind}",
            "devices": [{{"name": "{device}", "containerEdits": {{"env": ["FROM={value}"]}}}}]}}"#
    )
}

/// With everything that there is, as generators write it.
const FULL: &str = r#"---
cdiVersion: 0.7.0
kind: vendor.com/gpu
annotations: {made.by: hand}
containerEdits:
  env:
  - VENDOR_VISIBLE=void
  deviceNodes:
  - path: /dev/vendorctl
  hooks:
  - hookName: createContainer
    path: /usr/bin/vendor-hook
    args: [vendor-hook, update-ldcache, --folder, /usr/lib64]
    env: [DEBUG=false]
    timeout: 5
  mounts:
  - hostPath: /usr/lib/libvendor.so.1
    containerPath: /usr/lib/libvendor.so.1
    options: [ro, nosuid, nodev, rbind, rprivate]
devices:
- name: "0"
  annotations: {}
  containerEdits:
    additionalGids: [44]
    deviceNodes:
    - path: /dev/vendor0
      hostPath: /dev/dri/card0
      type: c
      major: 195
      minor: 1
      fileMode: 432
      permissions: rw
      uid: 1
      gid: 2
- name: all
  containerEdits:
    env: ["VENDOR_ALL=a=b"]
"#;

#[test]
fn everything_that_a_file_says_arrives() {
    let edits = Host::new(&[("etc/vendor.yaml", FULL)]).find(&["vendor.com/gpu=0"]).unwrap();
    let own = DeviceNode {
        path: "/dev/vendor0".into(),
        host_path: Some("/dev/dri/card0".into()),
        kind: Some(NodeType::Char),
        major: 195,
        minor: 1,
        file_mode: Some(0o660),
        permissions: "rw".into(),
        uid: Some(1),
        gid: Some(2),
    };
    let hook = Hook {
        hook_name: HookName::CreateContainer,
        path: "/usr/bin/vendor-hook".into(),
        args: ["vendor-hook", "update-ldcache", "--folder", "/usr/lib64"].map(str::to_owned).into(),
        env: vec![Variable { name: "DEBUG".into(), value: "false".into() }],
        timeout: Some(5),
    };
    let mount = Mount {
        host_path: "/usr/lib/libvendor.so.1".into(),
        container_path: "/usr/lib/libvendor.so.1".into(),
        options: ["ro", "nosuid", "nodev", "rbind", "rprivate"].map(str::to_owned).into(),
        kind: String::new(),
    };
    assert_eq!(edits.env, [Variable { name: "VENDOR_VISIBLE".into(), value: "void".into() }]);
    let whole = DeviceNode { path: "/dev/vendorctl".into(), ..DeviceNode::default() };
    assert_eq!(edits.device_nodes, [whole, own]);
    assert_eq!((edits.mounts, edits.hooks, edits.additional_gids), (vec![mount], vec![hook], vec![44]));
}

#[test]
fn what_is_of_the_whole_file_comes_once() {
    let host = Host::new(&[("etc/vendor.yaml", FULL)]);
    assert_eq!(host.told(&["vendor.com/gpu=all"]), "VENDOR_VISIBLE=void VENDOR_ALL=a=b");
    let both = host.find(&["vendor.com/gpu=0", "vendor.com/gpu=all"]).unwrap();
    assert_eq!((both.env.len(), both.hooks.len(), both.device_nodes.len()), (2, 1, 2));
}

#[test]
fn the_later_directory_counts_and_two_files_in_one_do_not_agree() {
    let (etc, run) = (one("v.com/c", "a", "etc"), one("v.com/c", "a", "run"));
    let host = Host::new(&[("etc/x.json", &etc), ("etc/y.json", &etc), ("run/x.json", &run)]);
    assert_eq!(host.told(&["v.com/c=a"]), "FROM=run");
    let host = Host::new(&[("etc/x.json", &etc), ("etc/y.json", &etc)]);
    expect![[r#"both "/etc/x.json" and "/etc/y.json" have this device (accepted: one specification of it a directory)"#]]
        .assert_eq(&host.told(&["v.com/c=a"]));
}

#[test]
fn an_unknown_device_is_told_with_those_that_there_are() {
    let host =
        Host::new(&[("etc/x.json", &one("v.com/c", "a", "1")), ("run/y.json", &one("w.com/c", "b", "1"))]);
    expect![[r#"no specification of the Container Device Interface has this device (accepted: v.com/c=a, w.com/c=b)"#]]
        .assert_eq(&host.told(&["v.com/c=b"]));
    expect![[r#"no specification of the Container Device Interface has this device (accepted: none, as no file describes one)"#]]
        .assert_eq(&Host::new(&[("etc/readme.txt", "x")]).told(&["v.com/c=b"]));
    let many: Vec<_> =
        (10..30).map(|n| (format!("etc/{n}.json"), one("v.com/c", &n.to_string(), ""))).collect();
    let many: Vec<_> = many.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    assert!(Host::new(&many).told(&["v.com/c=a"]).contains("v.com/c=25 and 4 more)"));
}

#[test]
fn a_broken_file_is_told_only_where_the_device_could_be_in_it() {
    let unknown_key = one("v.com/c", "z", "1").replace("\"env\"", "\"cables\"");
    let host = Host::new(&[
        ("etc/a.json", &one("v.com/c", "a", "1")),
        ("etc/b.json", &unknown_key),
        ("etc/c.yaml", "kind: [\n"),
    ]);
    assert_eq!(host.told(&["v.com/c=a"]), "FROM=1");
    let told = host.told(&["v.com/c=z"]);
    assert!(told.contains(r#"; "/etc/b.json" cannot be used: unknown field `cables`"#), "{told}");
    assert!(told.contains(r#"; "/etc/c.yaml" cannot be used: "#) && !told.contains('\n'), "{told}");
    let told = host.told(&["w.com/c=z"]);
    assert!(!told.contains("b.json") && told.contains("c.yaml"), "{told}");
}

#[test]
fn faults_of_a_file_are_told_in_its_words() {
    let of = |text: String| {
        let told = Host::new(&[("etc/a.json", &text)]).told(&["v.com/c=z"]);
        told.split_once("cannot be used: ").unwrap().1.to_owned()
    };
    let good = one("v.com/c", "a", "1");
    let twice = r#"{"cdiVersion": "1.0.0", "kind": "v.com/c", "devices": [{"name": "a"}, {"name": "a"}]}"#;
    let told = [
        of(good.replace("0.5.0", "2.0")),
        of(good.replace("\"a\"", "\"a b\"")),
        of(twice.to_owned()),
        of(good.replace("FROM=1", "FROM")),
    ];
    expect![[r#"
        cdiVersion "2.0" is not known (accepted: 0.x and 1.x)
        "a b" is not a name of a device
        the device "a" is there twice
        env: "FROM" is not NAME=value at line 2 column 72"#]]
    .assert_eq(&told.join("\n"));
}

#[test]
fn an_edit_that_can_not_be_made_is_an_error_for_who_asks_for_it() {
    let devices = r#"[{"name": "a", "containerEdits": {"intelRdt": {"closID": "x"}}}, {"name": "b"}]"#;
    let text = format!(r#"{{"cdiVersion": "0.7.0", "kind": "v.com/c", "devices": {devices}}}"#);
    let host = Host::new(&[("run/a.json", &text)]);
    assert_eq!(host.told(&["v.com/c=b"]), "");
    expect![[r#""/run/a.json" asks for intelRdt (accepted: env, deviceNodes, mounts, hooks and additionalGids in containerEdits)"#]]
        .assert_eq(&host.told(&["v.com/c=a"]));
}

#[test]
fn a_directory_that_is_none_is_told() {
    let host = Host::new(&[("etc", "a file")]);
    let told = host.told(&["v.com/c=a"]);
    assert!(told.contains(r#"; "/etc" cannot be used: "#), "{told}");
    assert!(
        Catalogue::read(&[Path::new("/nonexistent")])
            .edits(&Name::from_text("v/c=a").unwrap(), &mut vec![])
            .is_err()
    );
}

#[test]
fn a_file_without_end_or_bottom_is_told_and_hides_no_other() {
    let (deep_json, deep_yaml) = ("[".repeat(100_000), "[".repeat(100_000));
    let aliases: String = (1..40).map(|n| format!("a{n}: &a{n} [*a{0}, *a{0}]\n", n - 1)).collect();
    let host = Host::new(&[
        ("etc/a.json", &one("v.com/c", "a", "1")),
        (
            "etc/deep.json",
            &format!(r#"{{"cdiVersion": "0.5.0", "kind": "v.com/c", "annotations": {deep_json}"#),
        ),
        ("etc/deep.yaml", &format!("cdiVersion: 0.5.0\nkind: v.com/c\nannotations: {deep_yaml}")),
        ("etc/aliases.yaml", &format!("a0: &a0 [x, x]\n{aliases}")),
        ("etc/huge.json", ""),
        ("etc/bytes.yaml", ""),
    ]);
    let at = |name: &str| host.root.path().join("etc").join(name);
    std::fs::File::create(at("huge.json")).unwrap().set_len(1 << 40).unwrap();
    std::fs::write(at("bytes.yaml"), b"kind: v.com/\xff\n").unwrap();
    assert_eq!(host.told(&["v.com/c=a"]), "FROM=1");
    let told = host.told(&["v.com/c=z"]);
    for file in ["deep.json", "deep.yaml", "aliases.yaml", "huge.json", "bytes.yaml"] {
        assert!(told.contains(&format!(r#""/etc/{file}" cannot be used: "#)), "{file}: {told}");
    }
    assert!(told.contains(r#""/etc/huge.json" is too large; it must have at most 4194304 bytes"#), "{told}");
    assert!(told.contains("it must be UTF-8: "), "{told}");
}

#[test]
fn a_specification_of_very_many_devices_is_read_at_once() {
    let devices: Vec<_> = (0..100_000).map(|n| format!(r#"{{"name": "{n}"}}"#)).collect();
    let text = format!(r#"{{"cdiVersion": "0.7.0", "kind": "v.com/c", "devices": [{}]}}"#, devices.join(","));
    assert_eq!(Host::new(&[("etc/a.json", &text)]).told(&["v.com/c=99999"]), "");
}

#[test]
fn a_directory_of_too_many_specifications_is_told() {
    let empty: Vec<_> = (0..1025).map(|n| format!("etc/{n}.json")).collect();
    let files: Vec<_> = empty.iter().map(|path| (path.as_str(), "")).collect();
    let told = Host::new(&files).told(&["v.com/c=a"]);
    assert!(told.contains(r#""/etc" cannot be used: it must have at most 1024 specifications"#), "{told}");
}
