//! Reading files of real mounts.

use std::os::unix::fs::symlink;

use rustix::fs::FileType;

use super::*;
use crate::testing::require_root;

/// Directories for one test; a tmpfs would hide nothing, so they lie where the tests' temporary files lie.
struct Image {
    dir: tempfile::TempDir,
}

impl Image {
    fn new() -> Self {
        require_root();
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("scratch")).unwrap();
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn scratch(&self) -> PathBuf {
        self.path("scratch")
    }

    fn file(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn bind(&self, name: &str) -> RootfsMount {
        RootfsMount {
            kind: "bind".into(),
            source: self.path(name).to_str().unwrap().into(),
            options: vec!["rbind".into(), "rw".into()],
        }
    }

    fn read(&self, mounts: &[RootfsMount], files: &[&str]) -> Vec<Option<String>> {
        let read = read_files(mounts, &self.scratch(), files).unwrap();
        read.into_iter().map(|bytes| bytes.map(|bytes| String::from_utf8(bytes).unwrap())).collect()
    }
}

fn found(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn a_bound_root_is_read_and_what_is_missing_is_told() {
    let image = Image::new();
    image.file("fs/etc/passwd", "root\n");
    let read = image.read(&[image.bind("fs")], &["/etc/passwd", "etc/group", "/none/x"]);
    assert_eq!(read, [found("root\n"), None, None]);
}

#[test]
fn nothing_is_mounted_outside_the_reading_thread() {
    let image = Image::new();
    image.file("fs/etc/passwd", "root\n");
    image.read(&[image.bind("fs")], &["/etc/passwd"]);
    let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!table.contains(image.scratch().to_str().unwrap()));
    assert_eq!(std::fs::read_dir(image.scratch()).unwrap().count(), 0);
    std::fs::remove_dir(image.scratch()).unwrap();
}

#[test]
fn overlay_layers_are_read_from_top_to_bottom() {
    let image = Image::new();
    image.file("layers/1/fs/etc/passwd", "lowest\n");
    image.file("layers/1/fs/etc/group", "lowest\n");
    image.file("layers/2/fs/etc/passwd", "middle\n");
    image.file("layers/3/fs/etc/shells", "upper\n");
    std::fs::create_dir(image.path("layers/3/work")).unwrap();
    let layer = |name: &str| image.path("layers").join(name).to_str().unwrap().to_owned();
    let mount = RootfsMount {
        kind: "overlay".into(),
        source: "overlay".into(),
        options: vec![
            format!("workdir={}", layer("3/work")),
            format!("upperdir={}", layer("3/fs")),
            format!("lowerdir={}:{}", layer("2/fs"), layer("1/fs")),
        ],
    };
    let read = image.read(&[mount], &["/etc/passwd", "/etc/group", "/etc/shells"]);
    assert_eq!(read, [found("middle\n"), found("lowest\n"), found("upper\n")]);
    let work = std::fs::read_dir(image.path("layers/3/work")).unwrap();
    assert_eq!(work.count(), 0, "the snapshot's work directory is not touched");
}

#[test]
fn many_layers_in_a_deep_directory_fit_the_kernels_page() {
    let image = Image::new();
    let deep = "a-rather-long-directory-name-as-snapshotters-have-them/snapshots";
    let layers: Vec<String> = (0..60)
        .map(|number| {
            image.file(&format!("{deep}/{number}/fs/number-{number}"), "x");
            image.path(deep).join(format!("{number}/fs")).to_str().unwrap().to_owned()
        })
        .collect();
    let options = vec![format!("lowerdir={}", layers.join(":"))];
    assert!(options[0].len() > 4096, "the test is about more than a page");
    let mount = RootfsMount { kind: "overlay".into(), source: "overlay".into(), options };
    let read = image.read(&[mount], &["/number-0", "/number-59", "/number-60"]);
    assert_eq!(read, [found("x"), found("x"), None]);
}

#[test]
fn links_stay_inside_the_image() {
    let image = Image::new();
    image.file("fs/usr/etc/passwd", "inside\n");
    image.file("outside", "secret\n");
    symlink("/usr/etc", image.path("fs/etc")).unwrap();
    symlink("../../../../outside", image.path("fs/climbing")).unwrap();
    symlink(image.path("outside"), image.path("fs/absolute")).unwrap();
    symlink("loop", image.path("fs/loop")).unwrap();
    let read = image.read(&[image.bind("fs")], &["/etc/passwd", "/climbing", "/absolute", "/loop"]);
    assert_eq!(read, [found("inside\n"), None, None, None]);
}

#[test]
fn what_is_no_regular_file_is_refused_by_name_and_not_waited_for() {
    let image = Image::new();
    image.file("fs/etc/group", "g\n");
    crate::fifo::make(&image.path("fs/etc/passwd")).unwrap();
    let zero = rustix::fs::makedev(1, 5);
    let path = image.path("fs/etc/zero");
    rustix::fs::mknodat(CWD, path, FileType::CharacterDevice, Mode::RUSR, zero).unwrap();
    for (file, kind) in [("/etc/passwd", "a FIFO"), ("/etc/zero", "a device"), ("/etc", "a directory")] {
        let error = read_files(&[image.bind("fs")], &image.scratch(), &["/etc/group", file]).unwrap_err();
        let wanted = format!("{file:?} of the image is {kind}; it must be a regular file");
        assert_eq!(error.to_string(), wanted);
    }
}

#[test]
fn a_link_into_proc_leads_into_the_images_own() {
    let image = Image::new();
    image.file("fs/proc/1/root/x", "inside\n");
    symlink("/proc/kmsg", image.path("fs/kmsg")).unwrap();
    symlink("/proc/1/root/x", image.path("fs/x")).unwrap();
    assert_eq!(image.read(&[image.bind("fs")], &["/kmsg", "/x"]), [None, found("inside\n")]);
}

#[test]
fn a_huge_file_is_refused_by_name() {
    let image = Image::new();
    image.file("fs/etc/passwd", "");
    let file = std::fs::File::options().write(true).open(image.path("fs/etc/passwd")).unwrap();
    for length in [FILE_MAX + 1, 1 << 40] {
        file.set_len(length).unwrap();
        let error = read_files(&[image.bind("fs")], &image.scratch(), &["/etc/passwd"]).unwrap_err();
        let wanted = "\"/etc/passwd\" of the image is too large; it must have at most 4194304 bytes";
        assert_eq!(error.to_string(), wanted);
    }
}

#[test]
fn a_mount_that_fails_says_which_step() {
    let image = Image::new();
    let error = read_files(&[image.bind("none")], &image.scratch(), &["/etc/passwd"]).unwrap_err();
    assert!(matches!(error, RootfsError::Mount { source: Errno::NOENT, .. }), "{error:?}");
    let mount = RootfsMount { kind: "no-such-type".into(), source: "x".into(), options: vec![] };
    let error = read_files(&[mount], &image.scratch(), &["/etc/passwd"]).unwrap_err();
    assert_eq!(error.to_string(), "cannot mount no-such-type to read the image's files");
}

#[test]
fn the_working_and_root_directories_of_the_process_stay() {
    let image = Image::new();
    image.file("layers/1/x", "");
    image.file("layers/2/y", "");
    let before = std::env::current_dir().unwrap();
    let layer = |name: &str| image.path("layers").join(name).to_str().unwrap().to_owned();
    let options = vec![format!("lowerdir={}:{}", layer("1"), layer("2"))];
    image.read(&[RootfsMount { kind: "overlay".into(), source: "overlay".into(), options }], &["/x"]);
    assert_eq!(std::env::current_dir().unwrap(), before);
    assert_eq!(std::fs::read_link("/proc/self/root").unwrap(), Path::new("/"));
}

#[test]
fn a_link_in_the_place_of_a_directory_that_runtimes_write_to_is_refused() {
    let image = Image::new();
    image.file("fs/etc/passwd", "root\n");
    symlink("/tmp", image.path("fs/dev")).unwrap();
    let error = read_files(&[image.bind("fs")], &image.scratch(), &["/etc/passwd"]).unwrap_err();
    assert_eq!(error.to_string(), r#""/dev" of the image is a symbolic link; it must be a directory"#);
}
