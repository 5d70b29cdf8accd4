//! `mounts`: read, and each source told apart by whose it is.

use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use linux_host::{beneath, staged};
use oci_builder::{
    Access, DockerMount, JobMount, JobMountKind, Mount, MountKind, MountShape, Propagation, parse_size,
};

use super::limits;
use crate::error::DriverError;
use crate::refusal::Refusal;
use crate::request::config::PluginConfig;
use crate::request::options::MountOption;
use crate::request::task::{Propagation as VolumePropagation, TaskDirs, TaskSpec, VolumeMount};

const OF_HOST: &str = "a file or directory that is on the host";
const OF_ALLOCATION: &str =
    "what is in local/, secrets/ or ../alloc/ when the task starts, with no symbolic link on the way";

/// A mount that the task may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MountGrant {
    /// The mount; a bind's source as the job wrote it.
    pub(crate) mount: Mount,
    pub(crate) source: Source,
}

/// What is mounted from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// Nothing of the host.
    Own,
    /// A path of the host, whose links count; it is resolved once, as other tasks may write there, too.
    Host(PathBuf),
    /// A path in the allocation: only what is found beneath the root without a link counts.
    Allocation {
        /// A directory that the client made.
        root: PathBuf,
        /// The rest of the path; empty for the root itself.
        rest: PathBuf,
    },
}

/// A mount and what its source was found to be.
#[derive(Debug)]
pub(crate) struct AdmittedMount {
    pub(crate) mount: Mount,
    /// What a bind is made of, whose name could mean something else by the time the runtime reads it.
    pub(crate) object: Option<OwnedFd>,
    /// Whether the source is the allocation's own.
    pub(super) is_allocation: bool,
}

impl AdmittedMount {
    /// Opens the source.
    pub(crate) fn of(grant: &MountGrant) -> Result<Self, DriverError> {
        let mount = grant.mount.clone();
        let unusable = |path: PathBuf, accepted| DriverError::unusable("mounts.source", path, accepted);
        let object = match &grant.source {
            Source::Own => None,
            Source::Host(path) => {
                let opened = staged::object_at(path);
                Some(opened.map_err(|error| unusable(path.clone(), OF_HOST)(error.into()))?)
            }
            Source::Allocation { root, rest } => {
                let opened = beneath::open_root(root).and_then(|root| {
                    if rest.as_os_str().is_empty() { Ok(root) } else { beneath::resolve(root.as_fd(), rest) }
                });
                Some(opened.map_err(|error| unusable(written(&mount), OF_ALLOCATION)(error.into()))?)
            }
        };
        Ok(Self { mount, object, is_allocation: matches!(grant.source, Source::Allocation { .. }) })
    }

    /// The mount with this path as its source.
    pub(crate) fn with_source(&self, path: PathBuf) -> Mount {
        let mut mount = self.mount.clone();
        match &mut mount.kind {
            MountKind::Bind { source, .. } | MountKind::ShallowBind { source, .. } => *source = path,
            MountKind::Filesystem { .. } => {}
        }
        mount
    }
}

/// A volume of the client's as a mount.
pub(super) fn volume(volume: &VolumeMount) -> Mount {
    let propagation = match volume.propagation {
        VolumePropagation::Private => Propagation::Private,
        VolumePropagation::HostToTask => Propagation::HostToTask,
        VolumePropagation::Bidirectional => Propagation::Bidirectional,
    };
    Mount {
        destination: volume.task_path.clone(),
        kind: MountKind::Bind { source: volume.host_path.clone(), propagation },
        access: if volume.readonly { Access::ReadOnly } else { Access::ReadWrite },
        options: Vec::new(),
    }
}

pub(super) fn explain(mounts: &[AdmittedMount], cause: DriverError) -> DriverError {
    let is_gone = |mount: &&AdmittedMount| {
        mount.object.as_ref().is_some_and(|object| staged::is_unlinked(object.as_fd()))
    };
    match mounts.iter().find(is_gone) {
        Some(gone) if !cause.is_recoverable() => {
            DriverError::SourceGone { path: written(&gone.mount), cause: Box::new(cause) }
        }
        _ => cause,
    }
}

/// The source as the job wrote it.
fn written(mount: &Mount) -> PathBuf {
    match &mount.kind {
        MountKind::Bind { source, .. } | MountKind::ShallowBind { source, .. } => source.clone(),
        MountKind::Filesystem { .. } => PathBuf::new(),
    }
}

/// How many mounts a job may have. Each is one in the host's table too while the task is created, and the kernel gives
/// that table 100,000 for everybody.
const MOUNTS_MAX: usize = 1024;

pub(super) fn grant(spec: &TaskSpec, config: &PluginConfig) -> Result<Vec<MountGrant>, Refusal> {
    let number = spec.options.mounts.len();
    if number > MOUNTS_MAX {
        let hint = format!("must be at most {MOUNTS_MAX} blocks; mount a directory that has them all");
        return Err(Refusal::new("mounts", format!("{number} blocks"), hint));
    }
    let mut mounts: Vec<MountGrant> = Vec::new();
    for option in &spec.options.mounts {
        let grant = one(option, &spec.dirs, config)?;
        match mounts.iter().find(|earlier| earlier.mount.destination == grant.mount.destination) {
            None => mounts.push(grant),
            Some(earlier) if *earlier == grant => {}
            Some(_) => {
                let target = grant.mount.destination.display().to_string();
                let accepted = "another mount has this target, which this one would hide; a target of its own is \
                                accepted for each";
                return Err(Refusal::new("mounts.target", target, accepted));
            }
        }
    }
    Ok(mounts)
}

fn one(option: &MountOption, dirs: &TaskDirs, config: &PluginConfig) -> Result<MountGrant, Refusal> {
    let target = PathBuf::from(&option.target);
    if !target.is_absolute() || climbs(&target) || target.parent().is_none() || option.target.contains('\0') {
        let accepted = "an absolute path without .. and other than / is accepted";
        return Err(Refusal::new("mounts.target", option.target.as_str(), accepted));
    }
    limits::check_path("mounts.target", &option.target)?;
    let mount = JobMount {
        kind: JobMountKind::from_option(&option.kind)?,
        source: option.source.clone(),
        target,
        options: option.options.clone(),
        shape: shape(option)?,
    }
    .into_mount()?;
    let source = match &mount.kind {
        MountKind::Filesystem { .. } => Source::Own,
        MountKind::Bind { source, .. } | MountKind::ShallowBind { source, .. } => {
            source_of(source, dirs, config)?
        }
    };
    Ok(MountGrant { mount, source })
}

fn shape(option: &MountOption) -> Result<MountShape, Refusal> {
    let Some(docker) = &option.docker else { return Ok(MountShape::Fstab) };
    let tmpfs_size_bytes = match docker.tmpfs_size.as_str() {
        "" => 0,
        text => parse_size(text)
            .map_err(|reason| Refusal::Size { option: "mounts.tmpfs_options.size", reason })?,
    };
    let tmpfs_mode = u32::try_from(docker.tmpfs_mode).map_err(|_| {
        let accepted = "permission bits as a number, 0 to 4095 (0o7777), are accepted";
        Refusal::new("mounts.tmpfs_options.mode", docker.tmpfs_mode.to_string(), accepted)
    })?;
    Ok(MountShape::Docker(DockerMount {
        access: if docker.readonly { Access::ReadOnly } else { Access::ReadWrite },
        propagation: docker.propagation.clone(),
        tmpfs_size_bytes,
        tmpfs_mode,
    }))
}

fn source_of(source: &Path, dirs: &TaskDirs, config: &PluginConfig) -> Result<Source, Refusal> {
    let shown = || source.display().to_string();
    if source.as_os_str().as_encoded_bytes().contains(&0) {
        return Err(Refusal::new("mounts.source", shown(), "a path without NUL bytes is accepted"));
    }
    if !source.is_absolute() {
        return relative(source, dirs).ok_or_else(|| {
            let accepted = "a relative path begins with local/, secrets/ or ../alloc/";
            Refusal::new("mounts.source", shown(), accepted)
        });
    }
    if let Some(inside) = absolute(source, dirs) {
        return Ok(inside);
    }
    if config.volumes && !beneath(source, &dirs.alloc_root) {
        return Ok(Source::Host(source.to_owned()));
    }
    let accepted = if config.volumes {
        "of the allocation's own directory, local/, secrets/ and ../alloc/ are accepted"
    } else {
        "paths of the host are disabled on this node (volumes.enabled = false); \
         local/, secrets/ and ../alloc/ of the allocation are accepted"
    };
    Err(Refusal::new("mounts.source", shown(), accepted))
}

/// The task's own directories and the shared one, by the names that jobs have for them.
fn roots(dirs: &TaskDirs) -> [(&'static str, &Path); 3] {
    [("local", &dirs.local), ("secrets", &dirs.secrets), ("../alloc", &dirs.shared)]
}

fn relative(source: &Path, dirs: &TaskDirs) -> Option<Source> {
    let source = source.strip_prefix(".").unwrap_or(source);
    let named = roots(dirs).into_iter();
    named.filter_map(|(name, root)| allocation(source, Path::new(name), root)).next()
}

fn absolute(source: &Path, dirs: &TaskDirs) -> Option<Source> {
    roots(dirs).into_iter().filter_map(|(_, root)| allocation(source, root, root)).next()
}

fn allocation(source: &Path, prefix: &Path, root: &Path) -> Option<Source> {
    if prefix.as_os_str().is_empty() {
        // Every path begins with an empty one.
        return None;
    }
    let rest = source.strip_prefix(prefix).ok()?;
    Some(Source::Allocation { root: root.to_owned(), rest: rest.to_owned() })
}

fn beneath(path: &Path, root: &Path) -> bool {
    !root.as_os_str().is_empty() && path.starts_with(root)
}

fn climbs(path: &Path) -> bool {
    path.components().any(|part| part == Component::ParentDir)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::options::DockerMountOption;

    fn dirs() -> TaskDirs {
        TaskDirs {
            alloc_root: "/a/1".into(),
            shared: "/a/1/alloc".into(),
            local: "/a/1/web/local".into(),
            secrets: "/a/1/web/secrets".into(),
        }
    }

    fn told(change: impl FnOnce(&mut MountOption), volumes: bool) -> String {
        let mut option = MountOption {
            source: "local/conf".into(),
            target: "/conf".into(),
            options: vec!["rbind".into(), "ro".into()],
            ..MountOption::default()
        };
        change(&mut option);
        let config = PluginConfig { volumes, ..PluginConfig::default() };
        match one(&option, &dirs(), &config) {
            Ok(MountGrant { source, .. }) => format!("{source:?}"),
            Err(refusal) => crate::error::chain(&refusal),
        }
    }

    fn of(source: &str, volumes: bool) -> String {
        told(|option| option.source = source.into(), volumes)
    }

    #[test]
    fn paths_of_the_allocation_are_found_beneath_its_directories_however_they_are_written() {
        let told: Vec<_> = ["local/conf", "./secrets", "../alloc/data", "/a/1/alloc/data", "local/../../x"]
            .into_iter()
            .map(|source| of(source, false))
            .collect();
        expect_test::expect![[r#"
            Allocation { root: "/a/1/web/local", rest: "conf" }
            Allocation { root: "/a/1/web/secrets", rest: "" }
            Allocation { root: "/a/1/alloc", rest: "data" }
            Allocation { root: "/a/1/alloc", rest: "data" }
            Allocation { root: "/a/1/web/local", rest: "../../x" }"#]]
        .assert_eq(&told.join("\n"));
    }

    #[test]
    fn paths_of_the_host_need_the_operators_leave_and_relative_ones_are_the_allocations() {
        assert_eq!(of("/srv", true), r#"Host("/srv")"#);
        let told: Vec<_> = [("/srv", false), ("/a/1/other/secrets", true), ("data", true), ("..", true)]
            .into_iter()
            .map(|(source, volumes)| of(source, volumes))
            .collect();
        expect_test::expect![[r#"
            mounts.source = "/srv": paths of the host are disabled on this node (volumes.enabled = false); local/, secrets/ and ../alloc/ of the allocation are accepted
            mounts.source = "/a/1/other/secrets": of the allocation's own directory, local/, secrets/ and ../alloc/ are accepted
            mounts.source = "data": a relative path begins with local/, secrets/ or ../alloc/
            mounts.source = "..": a relative path begins with local/, secrets/ or ../alloc/"#]].assert_eq(&told.join("\n"));
    }

    #[test]
    fn more_mounts_than_a_host_could_bear_are_refused() {
        let told = |number: usize| {
            let mut spec = crate::testing::spec("web");
            spec.dirs = dirs();
            let mount = |place| MountOption {
                source: "local".into(),
                target: format!("/m/{place}"),
                options: vec!["rbind".into()],
                ..MountOption::default()
            };
            spec.options.mounts = (0..number).map(mount).collect();
            let grants = grant(&spec, &PluginConfig::default());
            grants.map_or_else(|refusal| refusal.to_string(), |grants| grants.len().to_string())
        };
        assert_eq!(told(1024), "1024");
        let hint = "must be at most 1024 blocks; mount a directory that has them all";
        assert_eq!(told(1025), format!(r#"mounts = "1025 blocks": {hint}"#));
    }

    #[test]
    fn a_mount_that_would_hide_another_is_refused_however_its_target_is_written() {
        let grant_of = |mounts: [(&str, &str); 2]| {
            let mut spec = crate::testing::spec("web");
            spec.dirs = dirs();
            spec.options.mounts = mounts
                .map(|(source, target)| MountOption {
                    source: source.into(),
                    target: target.into(),
                    options: vec!["rbind".into()],
                    ..MountOption::default()
                })
                .into();
            grant(&spec, &PluginConfig::default()).map(|grants| grants.len())
        };
        assert_eq!(grant_of([("local", "/a"), ("secrets", "/a/b")]), Ok(2));
        assert_eq!(grant_of([("local", "/a"), ("local", "/a/")]), Ok(1));
        expect_test::expect![[r#"mounts.target = "/a": another mount has this target, which this one would hide; a target of its own is accepted for each"#]]
            .assert_eq(&grant_of([("local", "/a"), ("secrets", "/a")]).unwrap_err().to_string());
        for same in ["/a/", "//a", "/./a", "/a/."] {
            assert!(grant_of([("local", "/a"), ("secrets", same)]).is_err(), "{same}");
        }
    }

    #[test]
    fn values_that_no_mount_has_are_refused() {
        let docker = |docker: DockerMountOption| {
            told(
                |option| {
                    option.kind = "tmpfs".into();
                    option.options.clear();
                    option.docker = Some(docker);
                },
                true,
            )
        };
        let told = [
            told(|option| option.target = "conf".into(), true),
            told(|option| option.target = "/a/../b".into(), true),
            told(|option| option.target = "/".into(), true),
            told(|option| option.kind = "nfs".into(), true),
            told(|option| option.options.clear(), true),
            docker(DockerMountOption { tmpfs_size: "big".into(), ..DockerMountOption::default() }),
            docker(DockerMountOption { tmpfs_mode: -1, ..DockerMountOption::default() }),
            docker(DockerMountOption::default()),
        ];
        expect_test::expect![[r#"
            mounts.target = "conf": an absolute path without .. and other than / is accepted
            mounts.target = "/a/../b": an absolute path without .. and other than / is accepted
            mounts.target = "/": an absolute path without .. and other than / is accepted
            mounts: "nfs" is not a type of mount (accepted: volume, bind, tmpfs)
            mounts: the bind at "/conf" has no options (accepted: rbind or bind, and ro or rw)
            mounts.tmpfs_options.size: "big" is not a size (accepted: a number of bytes, or with a unit as in 64m or 1.5g)
            mounts.tmpfs_options.mode = "-1": permission bits as a number, 0 to 4095 (0o7777), are accepted
            Own"#]].assert_eq(&told.join("\n"));
    }

    #[test]
    fn a_start_that_failed_for_a_source_that_was_replaced_may_be_tried_again() {
        let base = tempfile::tempdir().unwrap();
        let source = base.path().join("resolv.conf");
        std::fs::write(&source, "before").unwrap();
        let kind = MountKind::Bind { source: source.clone(), propagation: Propagation::Private };
        let (destination, access, options) = ("/x".into(), Access::ReadOnly, Vec::new());
        let mount = Mount { destination, kind, access, options };
        let grant = MountGrant { mount, source: Source::Host(source.clone()) };
        let mounts = vec![AdmittedMount::of(&grant).unwrap()];
        let failed = || DriverError::host("the source of a mount can not be handed on")("gone".into());
        assert!(!explain(&mounts, failed()).is_recoverable());
        std::fs::write(base.path().join("new"), "after").unwrap();
        std::fs::rename(base.path().join("new"), &source).unwrap();
        let explained = explain(&mounts, failed());
        assert!(explained.is_recoverable());
        assert!(explained.to_string().starts_with("mounts.source = "), "{explained}");
    }
}
