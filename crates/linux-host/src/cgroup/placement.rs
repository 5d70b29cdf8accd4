//! Where a task's cgroup goes, from what the client says.

use std::path::{Component, Path, PathBuf};

use super::{CgroupMode, CgroupMounts, Controller};

/// Where the client puts its cgroups on v1 unless it is told otherwise.
const PARENT_V1: &str = "nomad";
/// The same on v2.
const PARENT_V2: &str = "nomad.slice";

/// How the task's CPUs are bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cpuset {
    /// By the cgroup of the placement itself.
    WithTask,
    /// By a cpuset of the client's (v1): its processes are moved into this directory.
    MoveInto(PathBuf),
}

/// A task's place in the cgroup tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Absolute path below the mount point of each hierarchy, for the spec's `cgroupsPath`.
    pub cgroups_path: PathBuf,
    /// How its CPUs are bound.
    pub cpuset: Cpuset,
}

impl Placement {
    /// The cpuset that the client made for this task alone (v1), `…/reserve/<task>`. Since 1.7 the client gives it
    /// memory nodes and leaves its CPUs, without which no process can be moved into it, to the driver
    /// (`client/lib/cgroupslib/editor.go` of Nomad).
    pub fn reserved_cpuset(&self) -> Option<&Path> {
        let Cpuset::MoveInto(directory) = &self.cpuset else { return None };
        is_named(directory.parent()?, ["reserve", "reserved"]).then_some(directory)
    }
}

/// The client named a place that cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlacementError {
    /// The path is not beneath the hierarchy's mount point.
    #[error("the cgroup {path:?} is not beneath {mount:?}")]
    Outside {
        /// The path as given.
        path: PathBuf,
        /// Where the hierarchy is mounted.
        mount: PathBuf,
    },
    /// The allocation's or task's name cannot be part of a path.
    #[error("{name:?} cannot be the name of a cgroup")]
    Name {
        /// The name.
        name: String,
    },
}

/// Maps the client's `cpuset_cgroup` (empty when it gave none) to the task's place.
///
/// On v2 it is the task's cgroup itself. On v1 it is a directory of the cpuset hierarchy, and the other
/// hierarchies have the task at `/<parent>/<allocation>.<task>` (`client/lib/cgroupslib` of Nomad).
///
/// # Errors
/// [`PlacementError`].
pub fn place(
    mounts: &CgroupMounts,
    cpuset_cgroup: &str,
    alloc_id: &str,
    task: &str,
) -> Result<Placement, PlacementError> {
    for name in [alloc_id, task] {
        if name.is_empty() || name.contains(['/', '\0', '\n']) {
            return Err(PlacementError::Name { name: name.to_owned() });
        }
    }
    match mounts.mode() {
        CgroupMode::V1 => place_v1(mounts, cpuset_cgroup, &format!("{alloc_id}.{task}")),
        CgroupMode::V2 => place_v2(mounts, cpuset_cgroup, &format!("{alloc_id}.{task}.scope")),
    }
}

fn place_v1(mounts: &CgroupMounts, cpuset_cgroup: &str, scope: &str) -> Result<Placement, PlacementError> {
    let of_parent = |parent: &Path| Path::new("/").join(parent).join(scope);
    if cpuset_cgroup.is_empty() {
        let cgroups_path = of_parent(Path::new(PARENT_V1));
        return Ok(Placement { cgroups_path, cpuset: Cpuset::WithTask });
    }
    let directory = Path::new(cpuset_cgroup);
    let mount = mounts.controller(Controller::Cpuset).unwrap_or(Path::new("/sys/fs/cgroup/cpuset"));
    let inside = inside(mount, directory)?;
    let parent = v1_parent(inside).unwrap_or(Path::new(PARENT_V1));
    Ok(Placement { cgroups_path: of_parent(parent), cpuset: Cpuset::MoveInto(directory.to_owned()) })
}

/// The part of `<parent>/share`, `<parent>/reserve/<task>` (since 1.7), `<parent>/shared` or
/// `<parent>/reserved/<task>` (before) that is the configured parent.
fn v1_parent(inside: &Path) -> Option<&Path> {
    let parent = if is_named(inside, ["share", "shared"]) {
        inside.parent()
    } else {
        inside.parent().filter(|above| is_named(above, ["reserve", "reserved"])).and_then(Path::parent)
    };
    parent.filter(|parent| !parent.as_os_str().is_empty())
}

fn is_named(path: &Path, names: [&str; 2]) -> bool {
    path.file_name().is_some_and(|name| names.iter().any(|&wanted| name == wanted))
}

fn place_v2(mounts: &CgroupMounts, cpuset_cgroup: &str, scope: &str) -> Result<Placement, PlacementError> {
    let cgroups_path = if cpuset_cgroup.is_empty() {
        Path::new("/").join(PARENT_V2).join(scope)
    } else {
        let mount = mounts.controller(Controller::Cpuset).unwrap_or(Path::new("/sys/fs/cgroup"));
        Path::new("/").join(inside(mount, Path::new(cpuset_cgroup))?)
    };
    Ok(Placement { cgroups_path, cpuset: Cpuset::WithTask })
}

/// `path` without `mount`, when it is truly beneath it.
fn inside<'p>(mount: &Path, path: &'p Path) -> Result<&'p Path, PlacementError> {
    let outside = || PlacementError::Outside { path: path.to_owned(), mount: mount.to_owned() };
    let inside = path.strip_prefix(mount).map_err(|_| outside())?;
    let plain = inside.components().all(|part| matches!(part, Component::Normal(_)));
    if plain && !inside.as_os_str().is_empty() { Ok(inside) } else { Err(outside()) }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    const V1: &str = "\
33 30 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
35 30 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset
";
    const V2: &str = "31 24 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";

    fn check(mountinfo: &str, cpuset_cgroup: &str, expected: Expect) {
        let mounts = CgroupMounts::parse(mountinfo).unwrap();
        let text = match place(&mounts, cpuset_cgroup, "8f6c", "web.1") {
            Ok(Placement { cgroups_path, cpuset: Cpuset::WithTask }) => cgroups_path.display().to_string(),
            Ok(Placement { cgroups_path, cpuset: Cpuset::MoveInto(directory) }) => {
                format!("{} + {}", cgroups_path.display(), directory.display())
            }
            Err(error) => error.to_string(),
        };
        expected.assert_eq(&text);
    }

    #[test]
    fn a_reserved_cpuset_is_the_tasks_own() {
        let reserved = |mountinfo, path| {
            let placement = place(&CgroupMounts::parse(mountinfo).unwrap(), path, "8f6c", "web").unwrap();
            placement.reserved_cpuset().map(|path| path.display().to_string())
        };
        let own = "/sys/fs/cgroup/cpuset/nomad/reserve/8f6c.web";
        assert_eq!(reserved(V1, own).as_deref(), Some(own));
        assert_eq!(reserved(V1, "/sys/fs/cgroup/cpuset/nomad/share"), None);
        assert_eq!(reserved(V2, "/sys/fs/cgroup/nomad.slice/reserve.slice/8f6c.web.scope"), None);
    }

    #[test]
    fn v1_puts_the_task_beside_its_shared_or_reserved_cpuset() {
        check(
            V1,
            "/sys/fs/cgroup/cpuset/nomad/share",
            expect!["/nomad/8f6c.web.1 + /sys/fs/cgroup/cpuset/nomad/share"],
        );
        check(
            V1,
            "/sys/fs/cgroup/cpuset/nomad/reserve/8f6c.web.1",
            expect!["/nomad/8f6c.web.1 + /sys/fs/cgroup/cpuset/nomad/reserve/8f6c.web.1"],
        );
    }

    #[test]
    fn v1_knows_the_names_of_older_clients() {
        check(
            V1,
            "/sys/fs/cgroup/cpuset/nomad/shared",
            expect!["/nomad/8f6c.web.1 + /sys/fs/cgroup/cpuset/nomad/shared"],
        );
        check(
            V1,
            "/sys/fs/cgroup/cpuset/nomad/reserved/8f6c-web.1",
            expect!["/nomad/8f6c.web.1 + /sys/fs/cgroup/cpuset/nomad/reserved/8f6c-web.1"],
        );
    }

    #[test]
    fn v1_follows_a_configured_parent() {
        check(
            V1,
            "/sys/fs/cgroup/cpuset/batch/nodes/share",
            expect!["/batch/nodes/8f6c.web.1 + /sys/fs/cgroup/cpuset/batch/nodes/share"],
        );
        check(V1, "/sys/fs/cgroup/cpuset/share", expect!["/nomad/8f6c.web.1 + /sys/fs/cgroup/cpuset/share"]);
    }

    #[test]
    fn v2_uses_the_clients_cgroup_itself() {
        check(
            V2,
            "/sys/fs/cgroup/nomad.slice/share.slice/8f6c.web.1.scope",
            expect!["/nomad.slice/share.slice/8f6c.web.1.scope"],
        );
        check(V2, "/sys/fs/cgroup/nomad.slice/8f6c.web.1.scope", expect!["/nomad.slice/8f6c.web.1.scope"]);
    }

    #[test]
    fn a_client_that_says_nothing_gets_its_defaults() {
        check(V1, "", expect!["/nomad/8f6c.web.1"]);
        check(V2, "", expect!["/nomad.slice/8f6c.web.1.scope"]);
    }

    #[test]
    fn paths_that_leave_the_hierarchy_are_refused() {
        check(V2, "/etc", expect![[r#"the cgroup "/etc" is not beneath "/sys/fs/cgroup""#]]);
        check(
            V2,
            "/sys/fs/cgroup",
            expect![[r#"the cgroup "/sys/fs/cgroup" is not beneath "/sys/fs/cgroup""#]],
        );
        check(
            V2,
            "/sys/fs/cgroup/../../etc",
            expect![[r#"the cgroup "/sys/fs/cgroup/../../etc" is not beneath "/sys/fs/cgroup""#]],
        );
        check(
            V1,
            "/sys/fs/cgroup/cpuset-of-another/x",
            expect![[
                r#"the cgroup "/sys/fs/cgroup/cpuset-of-another/x" is not beneath "/sys/fs/cgroup/cpuset""#
            ]],
        );
    }

    proptest! {
        #[test]
        fn every_place_is_absolute_and_beneath_the_mount(
            mode in prop::sample::select(vec![V1, V2]),
            tail in "(/(nomad|share|reserve|[.]{1,2}|x)){0,4}",
            prefix in prop::sample::select(vec!["/sys/fs/cgroup", "/sys/fs/cgroup/cpuset", ""]),
        ) {
            let mounts = CgroupMounts::parse(mode).unwrap();
            if let Ok(placement) = place(&mounts, &format!("{prefix}{tail}"), "a", "t") {
                prop_assert!(placement.cgroups_path.is_absolute());
                let climbs = placement.cgroups_path.components().any(|part| part == Component::ParentDir);
                prop_assert!(!climbs);
                prop_assert!(placement.cgroups_path.components().count() > 2 || mode == V2);
            }
        }

        #[test]
        fn names_that_would_split_a_path_are_refused(name in "[a-z]{0,3}[/\0][a-z]{0,3}") {
            let mounts = CgroupMounts::parse(V2).unwrap();
            prop_assert!(place(&mounts, "", &name, "t").is_err());
            prop_assert!(place(&mounts, "", "a", &name).is_err());
        }
    }
}
