//! A file system that never answers, as that of a network server that is gone.

use std::ffi::CString;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

/// A mount of FUSE whose server never says a word. Dropping it answers everybody who waits with an error.
#[derive(Debug)]
pub struct HungMount {
    place: PathBuf,
    server: Option<OwnedFd>,
}

impl HungMount {
    /// Mounts it at a directory that is made.
    pub fn at(place: &Path) -> Self {
        std::fs::create_dir(place).unwrap();
        let flags = OFlags::RDWR | OFlags::CLOEXEC;
        let server = rustix::fs::openat(CWD, "/dev/fuse", flags, Mode::empty()).unwrap();
        let options = format!("fd={},rootmode=40000,user_id=0,group_id=0", server.as_raw_fd());
        let options = CString::new(options).unwrap();
        mount("hung", place, "fuse", MountFlags::NOSUID | MountFlags::NODEV, options.as_c_str()).unwrap();
        Self { place: place.to_owned(), server: Some(server) }
    }

    /// A path in it, of which nobody can say whether it is there.
    pub fn file(&self) -> String {
        self.place.join("file").display().to_string()
    }
}

impl Drop for HungMount {
    fn drop(&mut self) {
        // The kernel takes the end of the server for the end of the connection.
        drop(self.server.take());
        let unmounted = unmount(&self.place, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW);
        assert!(unmounted.is_ok() || std::thread::panicking(), "{unmounted:?}");
    }
}
