//! Objects that a task could swap by name, mounted into the driver's own directory while the task is created.
//!
//! Log pipes, the allocation's log directory and sources of mounts lie where tasks write, and so may the host's paths
//! that a job mounts. They are resolved once, those of the allocation through no link, and from then on the shim and
//! the runtime get the resolved object, never the name. Both hold it open afterwards, so the mounts go away as soon as
//! the task is created.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use linux_host::fifo::{self, LogTarget};
use linux_host::staged::{self, Reach, Spread};
use linux_host::{beneath, log_files};
use oci_builder::{Mount, MountKind, Propagation};

use crate::admission::AdmittedMount;
use crate::error::DriverError;
use crate::ports::Stdio;
use crate::request::task::TaskSpec;

const STDOUT: &str = "stdout";
const STDERR: &str = "stderr";
const LOGS: &str = "logs";
const NULL: &str = "/dev/null";
const WHOLE: (Spread, Reach) = (Spread::Private, Reach::Tree);

/// The paths that are handed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Staged {
    pub(crate) stdout: PathBuf,
    pub(crate) stderr: PathBuf,
    pub(crate) alloc_logs: PathBuf,
    /// The job's mounts, binds from staged sources.
    pub(crate) mounts: Vec<Mount>,
}

impl Staged {
    /// Resolves the task's objects and mounts them into `directory`, which is made.
    pub(crate) fn stage(
        directory: &Path,
        spec: &TaskSpec,
        mounts: &[AdmittedMount],
    ) -> Result<Self, DriverError> {
        std::fs::create_dir_all(directory).map_err(DriverError::file("can not make", directory))?;
        Ok(Self {
            stdout: log_pipe(directory, STDOUT, spec, &spec.logs.stdout)?,
            stderr: log_pipe(directory, STDERR, spec, &spec.logs.stderr)?,
            alloc_logs: log_directory(directory, spec)?,
            mounts: mounts
                .iter()
                .enumerate()
                .map(|(place, mount)| source(directory, place, mount))
                .collect::<Result<_, _>>()?,
        })
    }

    /// What the shim is given. Of a task whose output nobody wants it gets no paths: then it hands on `/dev/null`
    /// itself, where it would copy into a path.
    pub(crate) fn stdio(&self) -> Stdio {
        if [&self.stdout, &self.stderr].iter().all(|path| path.as_path() == Path::new(NULL)) {
            return Stdio::default();
        }
        Stdio { stdout: self.stdout.clone(), stderr: self.stderr.clone(), ..Stdio::default() }
    }
}

/// A job's mount, from its object where there is one.
fn source(directory: &Path, place: usize, admitted: &AdmittedMount) -> Result<Mount, DriverError> {
    let Some(object) = &admitted.object else { return Ok(admitted.mount.clone()) };
    if let Some(path) = around(directory, object.as_fd())? {
        return Ok(admitted.with_source(path));
    }
    let how = match admitted.mount.kind {
        MountKind::Bind { propagation, .. } => (spread(propagation), Reach::Tree),
        MountKind::ShallowBind { propagation, .. } => (spread(propagation), Reach::Object),
        MountKind::Filesystem { .. } => (Spread::Private, Reach::Object),
    };
    let path = staged::stage(object.as_fd(), directory, &format!("mount-{place}"), how)
        .map_err(|error| DriverError::host("the source of a mount can not be handed on")(error.into()))?;
    Ok(admitted.with_source(path))
}

/// The object's path if `directory` lies in it. Such an object is not staged: its tree would have copies of all that
/// is staged, of other tasks, too, and what is mounted anywhere can not be removed. Nor has it to be: who could swap
/// that path could swap the driver's own directory.
fn around(directory: &Path, object: BorrowedFd<'_>) -> Result<Option<PathBuf>, DriverError> {
    let own = staged::object_at(directory).and_then(|own| staged::path_of(own.as_fd()));
    let own = own.map_err(DriverError::file("can not look at", directory))?;
    let path = staged::path_of(object)
        .map_err(|error| DriverError::host("the source of a mount can not be found")(error.into()))?;
    Ok(own.starts_with(&path).then_some(path))
}

/// Even for a mount that is to be private in the task the staged one follows the host: while it is there, it must not
/// keep what is unmounted on the host meanwhile.
fn spread(propagation: Propagation) -> Spread {
    match propagation {
        Propagation::Private | Propagation::HostToTask => Spread::FromHost,
        Propagation::Bidirectional => Spread::Both,
    }
}

fn log_pipe(directory: &Path, name: &str, spec: &TaskSpec, path: &Path) -> Result<PathBuf, DriverError> {
    let refused = DriverError::host("the task's log pipe can not be used");
    match fifo::check_beneath(&spec.dirs.alloc_root, path) {
        Ok(LogTarget::Null) => Ok(path.to_owned()),
        Ok(LogTarget::Fifo(pipe)) => staged::stage(pipe.as_fd(), directory, name, WHOLE)
            .map_err(|error| DriverError::host("the task's log pipe can not be handed on")(error.into())),
        Err(error) => Err(refused(error.into())),
    }
}

fn log_directory(directory: &Path, spec: &TaskSpec) -> Result<PathBuf, DriverError> {
    let resolved = beneath::open_root(&spec.dirs.shared)
        .and_then(|shared| beneath::resolve(shared.as_fd(), Path::new("logs")))
        .map_err(|error| DriverError::host("the allocation's log directory can not be used")(error.into()))?;
    log_files::check(resolved.as_fd(), &spec.identity.task)
        .map_err(|error| DriverError::host("the task's logs cannot be written")(error.into()))?;
    staged::stage(resolved.as_fd(), directory, LOGS, WHOLE).map_err(|error| {
        DriverError::host("the allocation's log directory can not be handed on")(error.into())
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{FileTypeExt, symlink};

    use oci_builder::Access;

    use super::*;
    use crate::admission::{MountGrant, Source};
    use crate::error::chain;
    use crate::node::state_dir::unstage;
    use crate::testing::spec;

    fn task(root: &Path) -> TaskSpec {
        std::fs::create_dir_all(root.join("alloc/logs")).unwrap();
        let mut task = spec("web");
        task.dirs.alloc_root = root.to_owned();
        task.dirs.shared = root.join("alloc");
        task
    }

    #[test]
    fn the_pipe_that_was_checked_is_handed_on_even_when_its_name_is_swapped() {
        let (alloc, own) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut task = task(alloc.path());
        task.logs.stdout = alloc.path().join("alloc/logs/out.fifo");
        fifo::make(&task.logs.stdout).unwrap();
        let Unstaged(staging) = &Unstaged(own.path().join("staged"));
        let staged = Staged::stage(staging, &task, &[]).unwrap();
        std::fs::remove_file(&task.logs.stdout).unwrap();
        symlink("/etc/passwd", &task.logs.stdout).unwrap();
        assert!(std::fs::metadata(&staged.stdout).unwrap().file_type().is_fifo());
        assert_eq!(staged.stderr, Path::new("/dev/null"));
        assert_eq!((staged.stdio().stdout, staged.stdio().stderr), (staged.stdout, staged.stderr));
        unstage(staging).unwrap();
        unstage(staging).unwrap();
        assert!(!staging.exists());
    }

    /// Takes what is staged away also when the test fails.
    struct Unstaged(PathBuf);

    impl Drop for Unstaged {
        fn drop(&mut self) {
            unstage(&self.0).unwrap();
        }
    }

    fn granted(source: Source) -> AdmittedMount {
        let kind = MountKind::Bind { source: "/written".into(), propagation: Propagation::Private };
        let (destination, access, options) = ("/x".into(), Access::ReadWrite, Vec::new());
        let mount = Mount { destination, kind, access, options };
        AdmittedMount::of(&MountGrant { mount, source }).unwrap()
    }

    #[test]
    fn sources_that_are_swapped_between_check_and_staging_are_those_that_were_checked() {
        let (alloc, host, own) =
            (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let task = task(alloc.path());
        let (inside, outside) = (task.dirs.shared.join("data"), host.path().join("data"));
        for place in [&inside, &outside] {
            std::fs::create_dir(place).unwrap();
            std::fs::write(place.join("passwd"), "checked").unwrap();
        }
        let in_alloc = Source::Allocation { root: task.dirs.shared.clone(), rest: "data".into() };
        let granted = [in_alloc, Source::Host(outside.clone())].map(granted);
        for place in [&inside, &outside] {
            std::fs::rename(place, place.with_extension("before")).unwrap();
            symlink("/etc", place).unwrap();
        }
        let staging = Unstaged(own.path().join("staged"));
        let staged = Staged::stage(&staging.0, &task, &granted).unwrap();
        for mount in &staged.mounts {
            let MountKind::Bind { source, .. } = &mount.kind else { panic!("{mount:?}") };
            assert!(source.starts_with(&staging.0));
            assert_eq!(std::fs::read_to_string(source.join("passwd")).unwrap(), "checked");
        }
    }

    #[test]
    fn a_source_around_the_drivers_own_directory_is_handed_on_by_its_path() {
        let (alloc, host) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (own, link) = (host.path().join("own"), host.path().join("link"));
        std::fs::create_dir(&own).unwrap();
        symlink("own", &link).unwrap();
        let staging = Unstaged(link.join("staged"));
        let mounts = [granted(Source::Host(link.clone()))];
        let staged = Staged::stage(&staging.0, &task(alloc.path()), &mounts).unwrap();
        assert_eq!(staged.mounts, [mounts[0].with_source(host.path().join("own"))]);
    }

    #[test]
    fn output_that_nobody_wants_has_no_paths() {
        let (alloc, own) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let staging = Unstaged(own.path().join("staged"));
        let staged = Staged::stage(&staging.0, &task(alloc.path()), &[]).unwrap();
        assert_eq!(staged.stdio(), Stdio::default());
    }

    #[test]
    fn a_link_in_the_place_of_pipe_or_directory_is_refused() {
        let (alloc, own) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut task = task(alloc.path());
        task.logs.stdout = alloc.path().join("alloc/logs/out.fifo");
        symlink("/dev/null", &task.logs.stdout).unwrap();
        let error = chain(&Staged::stage(&own.path().join("a"), &task, &[]).unwrap_err());
        assert!(error.starts_with("the task's log pipe can not be used"), "{error}");

        task.logs.stdout = "/dev/null".into();
        std::fs::remove_dir_all(alloc.path().join("alloc/logs")).unwrap();
        symlink("/etc", alloc.path().join("alloc/logs")).unwrap();
        let error = chain(&Staged::stage(&own.path().join("b"), &task, &[]).unwrap_err());
        assert!(error.starts_with("the allocation's log directory can not be used"), "{error}");
    }
}
