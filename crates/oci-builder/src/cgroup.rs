//! Where the container's cgroup lies (`linux.cgroupsPath`).

use std::path::PathBuf;

use crate::{BuildError, check};

/// Which cgroup hierarchy the controllers are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CgroupMode {
    /// One hierarchy per controller (also the hybrid layout).
    V1,
    /// The unified hierarchy.
    V2,
}

/// The container's place in the cgroup tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cgroup {
    /// Which hierarchy the limits are for.
    pub mode: CgroupMode,
    /// Absolute path below the mount point of each hierarchy.
    pub path: PathBuf,
}

/// The path for the spec. An absolute one is used as it is by every runtime; a relative one would be taken below
/// containerd's own cgroup.
pub(crate) fn path(path: PathBuf) -> Result<PathBuf, BuildError> {
    check::absolute_path("cgroup path", &path)?;
    Ok(path)
}

/// Whether the container gets a cgroup namespace: never by default, so that a task sees the path that the client
/// knows (the client's isolation checks read it from inside).
pub(crate) fn has_namespace(mode: CgroupMode) -> bool {
    match mode {
        CgroupMode::V1 | CgroupMode::V2 => false,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::CgroupMode;
    use crate::testing::{check, refused};

    #[test]
    fn the_path_is_used_as_it_is() {
        check(
            |plan| plan.cgroup.path = "/nomad.slice/share.slice/a.b.scope".into(),
            expect![[r#"
                ~ linux.cgroupsPath: "/nomad/alloc.task" => "/nomad.slice/share.slice/a.b.scope"
            "#]],
        );
    }

    #[test]
    fn neither_mode_hides_the_path_behind_a_namespace() {
        check(|plan| plan.cgroup.mode = CgroupMode::V2, expect![[""]]);
    }

    #[test]
    fn systemd_and_relative_forms_are_refused() {
        refused(
            |plan| plan.cgroup.path = "nomad.slice:containerd:task".into(),
            expect![[
                r#"cgroup path must be an absolute path without "..", not "nomad.slice:containerd:task""#
            ]],
        );
    }
}
