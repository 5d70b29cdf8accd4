//! What a job's mounts are read as.

use expect_test::expect;
use proptest::prelude::*;

use super::{DockerMount, JobMount, JobMountKind, MountShape};
use crate::testing::check;
use crate::{Access, Mount, MountKind};

fn fstab(kind: &str, options: &[&str]) -> JobMount {
    let source = if kind == "tmpfs" { "" } else { "/srv" };
    JobMount {
        kind: JobMountKind::from_option(kind).unwrap(),
        source: source.to_owned(),
        target: "/data".into(),
        options: options.iter().map(|&option| option.to_owned()).collect(),
        shape: MountShape::Fstab,
    }
}

fn docker(kind: &str, change: impl FnOnce(&mut DockerMount)) -> JobMount {
    let mut docker = DockerMount {
        access: Access::ReadWrite,
        propagation: String::new(),
        tmpfs_size_bytes: 0,
        tmpfs_mode: 0,
    };
    change(&mut docker);
    JobMount { shape: MountShape::Docker(docker), ..fstab(kind, &[]) }
}

/// The mount in a few words, or why there is none.
fn read(mount: JobMount) -> String {
    match mount.into_mount() {
        Ok(Mount { kind, access, options, .. }) => format!("{kind:?} {access:?} {options:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_go_drivers_shape_says_everything_in_its_options() {
    expect![[r#"Bind { source: "/srv", propagation: Private } ReadOnly []"#]]
        .assert_eq(&read(fstab("bind", &["rbind", "ro"])));
    expect![[r#"ShallowBind { source: "/srv", propagation: HostToTask } ReadWrite ["nosuid", "nodev"]"#]]
        .assert_eq(&read(fstab("volume", &["bind", "rw", "rslave", "nosuid,nodev"])));
    expect![[r#"Bind { source: "/srv", propagation: Private } ReadWrite []"#]]
        .assert_eq(&read(fstab("", &["defaults"])));
    expect![[r#"Bind { source: "/srv", propagation: Bidirectional } ReadOnly ["rro"]"#]]
        .assert_eq(&read(fstab("bind", &["rbind", "rro", "shared"])));
}

#[test]
fn the_later_of_two_words_wins() {
    expect![[r#"ShallowBind { source: "/srv", propagation: Private } ReadWrite []"#]]
        .assert_eq(&read(fstab("bind", &["ro", "rbind", "shared", "rw", "bind", "private"])));
}

#[test]
fn a_bind_without_options_is_an_error_in_the_go_drivers_shape_alone() {
    expect![[r#"mounts: the bind at "/data" has no options (accepted: rbind or bind, and ro or rw)"#]]
        .assert_eq(&read(fstab("bind", &[])));
    expect![[r#"Bind { source: "/srv", propagation: Private } ReadWrite []"#]]
        .assert_eq(&read(docker("bind", |_| {})));
}

#[test]
fn dockers_keys_are_read_and_options_go_over_them() {
    let keys = |docker: &mut DockerMount| {
        docker.access = Access::ReadOnly;
        docker.propagation = "rshared".to_owned();
    };
    expect![[r#"Bind { source: "/srv", propagation: Bidirectional } ReadOnly []"#]]
        .assert_eq(&read(docker("bind", keys)));
    let both = JobMount { options: vec!["rw".to_owned()], ..docker("bind", keys) };
    expect![[r#"Bind { source: "/srv", propagation: Bidirectional } ReadWrite []"#]].assert_eq(&read(both));
    let tmpfs = docker("tmpfs", |docker| {
        docker.tmpfs_size_bytes = 100_000_000;
        docker.tmpfs_mode = 0o1770;
    });
    expect![[r#"Filesystem { kind: "tmpfs", source: "tmpfs" } ReadWrite ["noexec", "nosuid", "nodev", "size=100000000", "mode=1770"]"#]].assert_eq(&read(tmpfs));
}

#[test]
fn a_tmpfs_has_options_of_its_own() {
    let options =
        ["size=64M", "mode=01777", "uid=1000", "gid=0", "nr_inodes=1000", "noexec", "ro", "tmpcopyup"];
    expect![[r#"Filesystem { kind: "tmpfs", source: "tmpfs" } ReadOnly ["size=65536k", "mode=1777", "uid=1000", "gid=0", "nr_inodes=1000", "noexec", "tmpcopyup"]"#]].assert_eq(&read(fstab("tmpfs", &options)));
    expect![[r#"Filesystem { kind: "tmpfs", source: "tmpfs" } ReadWrite ["size=50%"]"#]]
        .assert_eq(&read(fstab("tmpfs", &["size=50%"])));
    expect![[r#"Filesystem { kind: "tmpfs", source: "tmpfs" } ReadWrite []"#]]
        .assert_eq(&read(fstab("tmpfs", &[])));
}

#[test]
fn whatever_a_runtime_knows_of_a_bind_is_passed_on() {
    let words = ["rbind", "ro", "unbindable", "lazytime", "noiversion", "symfollow", "rnosuid"];
    expect![[r#"Bind { source: "/srv", propagation: Private } ReadOnly ["unbindable", "lazytime", "noiversion", "symfollow", "rnosuid"]"#]].assert_eq(&read(fstab("bind", &words)));
    expect![[r#"Bind { source: "/srv", propagation: HostToTask } ReadWrite ["rro", "rrw"]"#]]
        .assert_eq(&read(fstab("bind", &["rro", "runbindable", "rslave", "rrw"])));
}

#[test]
fn a_tmpfs_takes_what_the_kernel_does() {
    let options =
        ["nr_inodes=10k", "nr_blocks=0", "huge=within_size", "mpol=bind=static:0-1,3,noswap", "size=0"];
    expect![[r#"Filesystem { kind: "tmpfs", source: "tmpfs" } ReadWrite ["nr_inodes=10k", "nr_blocks=0", "huge=within_size", "mpol=bind=static:0-1,3", "noswap", "size=0k"]"#]].assert_eq(&read(fstab("tmpfs", &options)));
    for word in ["mpol=local", "mpol=prefer:1", "mpol=interleave", "inode64", "lazytime"] {
        assert!(fstab("tmpfs", &[word]).into_mount().is_ok(), "{word}");
    }
    expect![[r#"mounts: "huge=deny" has no valid value (accepted: never, always, within_size, advise)"#]]
        .assert_eq(&read(fstab("tmpfs", &["huge=deny"])));
    expect![[r#"mounts: "nr_blocks=many" has no valid value (accepted: a number, perhaps with k, m or g; 0 is no limit)"#]].assert_eq(&read(fstab("tmpfs", &["nr_blocks=many"])));
    expect![[r#"mounts: "mpol=bind:all" has no valid value (accepted: default, local, prefer, bind, interleave, with memory nodes as in bind:0-1)"#]].assert_eq(&read(fstab("tmpfs", &["mpol=bind:all"])));
}

#[test]
fn what_is_not_accepted_is_told_with_what_is() {
    expect![[r#"mounts: "size=1m" is not an option of a bind mount (accepted: rbind, bind, rro, rrw, private, rprivate, slave, rslave, shared, rshared, unbindable, runbindable, ratime, rdev, rdiratime, rexec, rnoatime, rnodev, rnodiratime, rnoexec, rnorelatime, rnostrictatime, rnosuid, rnosymfollow, rrelatime, rstrictatime, rsuid, rsymfollow, ro, rw, defaults, async, atime, dev, diratime, dirsync, exec, iversion, lazytime, loud, mand, noatime, nodev, nodiratime, noexec, noiversion, nolazytime, nomand, norelatime, nostrictatime, nosuid, nosymfollow, relatime, silent, strictatime, suid, symfollow, sync)"#]].assert_eq(&read(fstab("bind", &["rbind", "size=1m"])));
    expect![[r#"mounts: "rbind" is not an option of a tmpfs mount (accepted: size=, mode=, uid=, gid=, nr_inodes=, nr_blocks=, huge=, mpol=, tmpcopyup, inode32, inode64, noswap, ro, rw, defaults, async, atime, dev, diratime, dirsync, exec, iversion, lazytime, loud, mand, noatime, nodev, nodiratime, noexec, noiversion, nolazytime, nomand, norelatime, nostrictatime, nosuid, nosymfollow, relatime, silent, strictatime, suid, symfollow, sync)"#]].assert_eq(&read(fstab("tmpfs", &["rbind"])));
    expect![[r#"mounts: "mode=rwx" has no valid value (accepted: permission bits, in octal 0 to 7777)"#]]
        .assert_eq(&read(fstab("tmpfs", &["mode=rwx"])));
    expect![[r#"mounts: "size=much" has no valid size"#]].assert_eq(&read(fstab("tmpfs", &["size=much"])));
    expect![[r#"mounts: "bind_options.propagation=both" has no valid value (accepted: private, rprivate, slave, rslave, shared, rshared)"#]].assert_eq(&read(docker("bind", |docker| docker.propagation = "both".to_owned())));
    expect![[r#"mounts: the bind at "/data" has no source (accepted: a path)"#]]
        .assert_eq(&read(JobMount { source: String::new(), ..fstab("bind", &["rbind"]) }));
    expect![[r#"mounts: "nfs" is not a type of mount (accepted: volume, bind, tmpfs)"#]]
        .assert_eq(&JobMountKind::from_option("nfs").unwrap_err().to_string());
    for word in ["remount", "idmap", "rw,remount", "RBIND", "ro=1", "overlay", "acl"] {
        assert!(fstab("bind", &[word]).into_mount().is_err(), "{word}");
    }
    for word in [
        "bind",
        "size=",
        "size=101%",
        "mode=",
        "mode=17777",
        "mode=+7",
        "uid=-1",
        "gid=4294967296",
        "mpol=bind:",
        "mpol=bind=x",
        "mpol=away",
        "huge=",
        "nr_inodes=10x",
        "unbindable",
        "rnosuid",
        "size=1m,rbind",
        "shared",
    ] {
        assert!(fstab("tmpfs", &[word]).into_mount().is_err(), "{word}");
    }
    assert!(docker("tmpfs", |docker| docker.tmpfs_mode = 0o10000).into_mount().is_err());
}

#[test]
fn what_is_read_is_what_is_mounted() {
    check(
        |plan| {
            let target = "/tmp".into();
            plan.mounts = vec![
                fstab("bind", &["rbind", "ro", "nosuid"]).into_mount().unwrap(),
                JobMount { target, ..fstab("tmpfs", &["size=64m", "noexec"]) }.into_mount().unwrap(),
            ];
        },
        expect![[r#"
            + mounts./data: {"options":["rbind","ro","rprivate","nosuid"],"source":"/srv","type":"bind"}
            + mounts./tmp: {"options":["rw","size=65536k","noexec"],"source":"tmpfs","type":"tmpfs"}
            ~ order of mounts: /proc /dev /sys /dev/pts /dev/shm /dev/mqueue /sys/fs/cgroup => /proc /dev /sys /data /tmp /dev/pts /dev/shm /dev/mqueue /sys/fs/cgroup
        "#]],
    );
}

proptest! {
    #[test]
    fn no_option_turns_a_tmpfs_into_a_bind(words in prop::collection::vec("[a-z]{1,8}(=[a-z0-9,%]{0,4})?|r?bind|size=[0-9]{1,3}[kmg]?", 0..5)) {
        let mount = JobMount { options: words, ..fstab("tmpfs", &[]) }.into_mount();
        if let Ok(Mount { kind, options, .. }) = mount {
            let is_tmpfs = matches!(kind, MountKind::Filesystem { ref kind, .. } if kind == "tmpfs");
            prop_assert!(is_tmpfs);
            let is_one = |option: &String| !option.contains(',') || option.starts_with("mpol=");
            prop_assert!(options.iter().all(|option| is_one(option) && option != "bind" && option != "rbind"));
        }
    }

    #[test]
    fn the_source_of_a_bind_stays_as_it_was_written(source in "[a-z./]{1,12}", shallow: bool) {
        let word = if shallow { "bind" } else { "rbind" };
        let mount = JobMount { source: source.clone(), ..fstab("bind", &[word]) }.into_mount().unwrap();
        let (MountKind::Bind { source: kept, .. } | MountKind::ShallowBind { source: kept, .. }) = mount.kind else {
            return Err(TestCaseError::fail("no bind"));
        };
        prop_assert_eq!(kept.to_str(), Some(source.as_str()));
    }
}
