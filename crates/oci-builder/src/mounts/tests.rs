//! What mounts do to a spec.

use expect_test::expect;
use proptest::prelude::*;

use super::{Access, Mount, MountKind, Propagation, mounts};
use crate::baseline;
use crate::testing::{check, refused};

fn bind(source: &str, destination: &str) -> Mount {
    Mount {
        destination: destination.into(),
        kind: MountKind::Bind { source: source.into(), propagation: Propagation::Private },
        access: Access::ReadWrite,
        options: vec![],
    }
}

fn spreading(propagation: Propagation) -> Mount {
    Mount { kind: MountKind::Bind { source: "/csi".into(), propagation }, ..bind("", "/mnt") }
}

#[test]
fn a_bind_stands_before_the_deeper_mounts_of_the_baseline() {
    check(
        |plan| plan.mounts = vec![bind("/host/alloc", "/alloc")],
        expect![[r#"
            + mounts./alloc: {"options":["rbind","rw","rprivate"],"source":"/host/alloc","type":"bind"}
            ~ order of mounts: /proc /dev /sys /dev/pts /dev/shm /dev/mqueue /sys/fs/cgroup => /proc /dev /sys /alloc /dev/pts /dev/shm /dev/mqueue /sys/fs/cgroup
        "#]],
    );
}

#[test]
fn parents_are_mounted_before_their_children_in_whatever_order_they_come() {
    check(
        |plan| {
            plan.mounts = vec![bind("/c", "/a/b/c"), bind("/b", "/a/b"), bind("/a", "/a")];
        },
        expect![[r#"
            + mounts./a: {"options":["rbind","rw","rprivate"],"source":"/a","type":"bind"}
            + mounts./a/b: {"options":["rbind","rw","rprivate"],"source":"/b","type":"bind"}
            + mounts./a/b/c: {"options":["rbind","rw","rprivate"],"source":"/c","type":"bind"}
            ~ order of mounts: /proc /dev /sys /dev/pts /dev/shm /dev/mqueue /sys/fs/cgroup => /proc /dev /sys /a /dev/pts /dev/shm /dev/mqueue /a/b /sys/fs/cgroup /a/b/c
        "#]],
    );
}

#[test]
fn a_mount_of_the_task_replaces_the_baselines_at_the_same_place() {
    check(
        |plan| {
            plan.mounts = vec![Mount {
                destination: "/dev//shm/".into(),
                kind: MountKind::Filesystem { kind: "tmpfs".into(), source: "shm".into() },
                access: Access::ReadWrite,
                options: vec!["size=1g".into()],
            }];
        },
        expect![[r#"
            ~ mounts./dev/shm.options.0: "nosuid" => "rw"
            ~ mounts./dev/shm.options.1: "noexec" => "size=1g"
            - mounts./dev/shm.options.2: "nodev"
            - mounts./dev/shm.options.3: "mode=1777"
            - mounts./dev/shm.options.4: "size=65536k"
            ~ order of mounts: /proc /dev /sys /dev/pts /dev/shm /dev/mqueue /sys/fs/cgroup => /proc /dev /sys /dev/pts /dev/mqueue /dev/shm /sys/fs/cgroup
        "#]],
    );
}

#[test]
fn a_read_only_bind_with_further_options() {
    check(
        |plan| {
            plan.mounts = vec![Mount {
                access: Access::ReadOnly,
                options: vec!["nosuid".into()],
                ..bind("/etc/ssl", "/ssl")
            }];
        },
        expect![[r#"
            + mounts./ssl: {"options":["rbind","ro","rprivate","nosuid"],"source":"/etc/ssl","type":"bind"}
            ~ order of mounts: /proc /dev /sys /dev/pts /dev/shm /dev/mqueue /sys/fs/cgroup => /proc /dev /sys /ssl /dev/pts /dev/shm /dev/mqueue /sys/fs/cgroup
        "#]],
    );
}

#[test]
fn no_option_makes_a_read_only_bind_writable() {
    check(
        |plan| {
            plan.mounts = vec![Mount {
                access: Access::ReadOnly,
                options: vec!["rrw".into(), "nosuid".into()],
                ..bind("/etc/ssl", "/ssl")
            }];
        },
        expect![[r#"
            + mounts./ssl: {"options":["rbind","ro","rprivate","nosuid"],"source":"/etc/ssl","type":"bind"}
            ~ order of mounts: /proc /dev /sys /dev/pts /dev/shm /dev/mqueue /sys/fs/cgroup => /proc /dev /sys /ssl /dev/pts /dev/shm /dev/mqueue /sys/fs/cgroup
        "#]],
    );
}

#[test]
fn a_bind_can_leave_out_what_is_mounted_beneath_its_source() {
    check(
        |plan| {
            let kind = MountKind::ShallowBind { source: "/srv".into(), propagation: Propagation::HostToTask };
            plan.mounts = vec![Mount { kind, ..bind("", "/srv") }];
        },
        expect![[r#"
            + linux.rootfsPropagation: "rslave"
            + mounts./srv: {"options":["bind","rw","rslave"],"source":"/srv","type":"bind"}
            ~ order of mounts: /proc /dev /sys /dev/pts /dev/shm /dev/mqueue /sys/fs/cgroup => /proc /dev /sys /srv /dev/pts /dev/shm /dev/mqueue /sys/fs/cgroup
        "#]],
    );
}

#[test]
fn propagation_needs_a_root_that_lets_it_through() {
    check(
        |plan| plan.mounts = vec![spreading(Propagation::HostToTask)],
        expect![[r#"
            + linux.rootfsPropagation: "rslave"
            + mounts./mnt: {"options":["rbind","rw","rslave"],"source":"/csi","type":"bind"}
            ~ order of mounts: /proc /dev /sys /dev/pts /dev/shm /dev/mqueue /sys/fs/cgroup => /proc /dev /sys /mnt /dev/pts /dev/shm /dev/mqueue /sys/fs/cgroup
        "#]],
    );
    check(
        |plan| plan.mounts = vec![spreading(Propagation::Bidirectional)],
        expect![[r#"
            + linux.rootfsPropagation: "rshared"
            + mounts./mnt: {"options":["rbind","rw","rshared"],"source":"/csi","type":"bind"}
            ~ order of mounts: /proc /dev /sys /dev/pts /dev/shm /dev/mqueue /sys/fs/cgroup => /proc /dev /sys /mnt /dev/pts /dev/shm /dev/mqueue /sys/fs/cgroup
        "#]],
    );
}

#[test]
fn the_same_mount_twice_is_one_and_two_for_one_place_are_refused() {
    check(
        |plan| plan.mounts = vec![bind("/a", "/a"), bind("/a", "/a/")],
        expect![[r#"
            + mounts./a: {"options":["rbind","rw","rprivate"],"source":"/a","type":"bind"}
            ~ order of mounts: /proc /dev /sys /dev/pts /dev/shm /dev/mqueue /sys/fs/cgroup => /proc /dev /sys /a /dev/pts /dev/shm /dev/mqueue /sys/fs/cgroup
        "#]],
    );
    refused(
        |plan| plan.mounts = vec![bind("/a", "/a"), bind("/b", "/a")],
        expect![[r#"two different mounts have the destination "/a""#]],
    );
}

#[test]
fn destinations_outside_and_at_the_root_are_refused() {
    refused(
        |plan| plan.mounts = vec![bind("/a", "/a/../../b")],
        expect![[r#"mount destination must be an absolute path without "..", not "/a/../../b""#]],
    );
    refused(
        |plan| plan.mounts = vec![bind("/a", "//./")],
        expect![[r#"a mount can not have the destination "/""#]],
    );
    refused(
        |plan| plan.mounts = vec![bind("a", "/a")],
        expect![[r#"mount source must be an absolute path without "..", not "a""#]],
    );
}

proptest! {
    #[test]
    fn no_mount_comes_after_one_beneath_it_and_none_is_lost(
        names in prop::collection::btree_set("(/(dev|run|a|b|shm)){1,4}", 0..12),
    ) {
        let given: Vec<Mount> = names.iter().rev().map(|name| bind("/src", name)).collect();
        let list = mounts(baseline::mounts::mounts(Access::ReadWrite), given).unwrap().list;
        for (place, later) in list.iter().enumerate() {
            let mut before = list.iter().take(place);
            prop_assert!(!before.any(|earlier| earlier.destination().starts_with(later.destination())));
        }
        for name in &names {
            let here = list.iter().filter(|mount| mount.destination().to_str() == Some(name));
            prop_assert_eq!(here.count(), 1);
        }
    }
}
