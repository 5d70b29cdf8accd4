//! Directories made in an image's root file system, for paths that the image declares as volumes.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags};
use rustix::mount::{UnmountFlags, unmount};

use super::{Access, RootfsError, RootfsMount, TIME, enter_own_mount_namespace, failed, mount_on};
use crate::detached;

/// Makes the directories in the root that `mounts` make up, where they are missing, and gives the path of each without
/// links. Links are followed inside the root.
///
/// Blocking, for a minute at most. `scratch` is an existing empty directory; when this returns nothing is mounted there.
///
/// # Errors
/// [`RootfsError`], also for a path that is something else than a directory.
pub fn make_directories(
    mounts: &[RootfsMount],
    scratch: &Path,
    directories: &[PathBuf],
) -> Result<Vec<PathBuf>, RootfsError> {
    let (mounts, scratch, directories) = (mounts.to_vec(), scratch.to_owned(), directories.to_vec());
    detached::wait(TIME, move || make_in_this_thread(&mounts, &scratch, &directories))
        .unwrap_or_else(|source| Err(RootfsError::Thread(source)))
}

fn make_in_this_thread(
    mounts: &[RootfsMount],
    scratch: &Path,
    directories: &[PathBuf],
) -> Result<Vec<PathBuf>, RootfsError> {
    enter_own_mount_namespace()?;
    let scratch = &std::path::absolute(scratch)
        .map_err(|source| RootfsError::Read { file: scratch.to_owned(), source })?;
    for mount in mounts {
        mount_on(mount, scratch, Access::ReadWrite)?;
    }
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let outside = rustix::fs::openat(CWD, "/", flags, Mode::empty()).map_err(failed("open the root"))?;
    rustix::process::chroot(scratch).map_err(failed("enter the mounted root"))?;
    rustix::process::chdir("/").map_err(failed("enter the mounted root"))?;
    let made = directories.iter().map(|directory| make(directory)).collect();
    leave(&outside)?;
    // The container's own mount of the same directories comes next, so this one must be gone, not just on its way.
    for _ in mounts {
        unmount(scratch, UnmountFlags::empty()).map_err(failed("unmount the root"))?;
    }
    made
}

fn make(directory: &Path) -> Result<PathBuf, RootfsError> {
    let fail = |source| RootfsError::Directory { directory: directory.to_owned(), source };
    let inside = Path::new("/").join(directory);
    std::fs::create_dir_all(&inside).map_err(fail)?;
    #[expect(
        clippy::disallowed_methods,
        reason = "the image is all that this thread sees, and nothing changes it yet"
    )]
    let resolved = std::fs::canonicalize(&inside);
    resolved.map_err(fail)
}

/// Goes back to the root that this thread began in.
fn leave(outside: &OwnedFd) -> Result<(), RootfsError> {
    rustix::process::fchdir(outside).map_err(failed("leave the mounted root"))?;
    rustix::process::chroot(".").map_err(failed("leave the mounted root"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::*;
    use crate::testing::require_root;

    struct Image(tempfile::TempDir);

    impl Image {
        fn new() -> Self {
            require_root();
            let dir = tempfile::tempdir().unwrap();
            for part in ["lower/seeded", "upper", "work", "scratch"] {
                std::fs::create_dir_all(dir.path().join(part)).unwrap();
            }
            Self(dir)
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn make(&self, directories: &[&str]) -> Result<Vec<PathBuf>, RootfsError> {
            let path = |name| self.path(name).display().to_string();
            let options = ["lowerdir", "upperdir", "workdir"].into_iter().zip(["lower", "upper", "work"]);
            let overlay = RootfsMount {
                kind: "overlay".into(),
                source: "overlay".into(),
                options: options.map(|(option, name)| format!("{option}={}", path(name))).collect(),
            };
            let directories: Vec<_> = directories.iter().map(PathBuf::from).collect();
            make_directories(&[overlay], &self.path("scratch"), &directories)
        }
    }

    #[test]
    fn missing_ones_are_made_and_those_of_the_image_stay_as_they_are() {
        let image = Image::new();
        std::os::unix::fs::chown(image.path("lower/seeded"), Some(1000), Some(50)).unwrap();
        let made = image.make(&["/data/deep", "/seeded"]).unwrap();
        assert_eq!(made, [PathBuf::from("/data/deep"), "/seeded".into()]);
        assert!(image.path("upper/data/deep").is_dir() && !image.path("upper/seeded").exists());
        assert_eq!(std::fs::metadata(image.path("lower/seeded")).unwrap().uid(), 1000);
        assert_eq!(std::fs::read_dir(image.path("scratch")).unwrap().count(), 0, "still mounted");
    }

    #[test]
    fn links_lead_to_places_in_the_image_and_never_out() {
        let image = Image::new();
        symlink("/seeded", image.path("lower/link")).unwrap();
        symlink("../../../../..", image.path("lower/up")).unwrap();
        let made = image.make(&["/link/sub", "/up/inside", "../../climbs"]).unwrap();
        assert_eq!(made, [PathBuf::from("/seeded/sub"), "/inside".into(), "/climbs".into()]);
        assert!(image.path("upper/inside").is_dir() && image.path("upper/climbs").is_dir());
    }

    #[test]
    fn what_is_no_directory_is_named() {
        let image = Image::new();
        std::fs::write(image.path("lower/file"), "").unwrap();
        let error = image.make(&["/file"]).unwrap_err();
        assert_eq!(error.to_string(), r#"the volume "/file" of the image cannot be a directory"#);
    }
}
