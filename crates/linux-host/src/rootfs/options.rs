//! fstab options of a snapshotter's mount, sorted into what mount(2) takes.

use std::ffi::CString;
use std::path::PathBuf;

use rustix::io::Errno;
use rustix::mount::MountFlags;

use super::{Access, RootfsMount};

/// What mount(2) takes of options at most, with the final NUL, on the smallest pages.
const PAGE: usize = 4096;

/// How a mount is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SourceKind {
    /// By binding its source.
    Bind { recursive: bool },
    /// By the file system of its type.
    FileSystem,
}

/// A mount in the terms of mount(2).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MountPlan {
    pub(super) kind: SourceKind,
    pub(super) flags: MountFlags,
    /// Options for the file system itself.
    pub(super) options: Vec<String>,
    /// Where to stand so that shortened paths in the options hold.
    pub(super) working_directory: Option<PathBuf>,
}

impl MountPlan {
    pub(super) fn new(mount: &RootfsMount, access: Access) -> Self {
        let mut kind = SourceKind::FileSystem;
        if mount.kind == "bind" {
            kind = SourceKind::Bind { recursive: false };
        }
        let mut flags = MountFlags::empty();
        let mut options = Vec::new();
        for option in &mount.options {
            match option.as_str() {
                "bind" => kind = SourceKind::Bind { recursive: false },
                "rbind" => kind = SourceKind::Bind { recursive: true },
                // The caller decides.
                "ro" | "rw" | "defaults" => {}
                "nosuid" => flags |= MountFlags::NOSUID,
                "nodev" => flags |= MountFlags::NODEV,
                "noexec" => flags |= MountFlags::NOEXEC,
                "noatime" => flags |= MountFlags::NOATIME,
                "relatime" => flags |= MountFlags::RELATIME,
                _ => options.push(option.clone()),
            }
        }
        let mut plan = Self { kind, flags, options, working_directory: None };
        if mount.kind == "overlay" {
            if access == Access::ReadOnly {
                plan.make_overlay_read_only();
            }
            plan.shorten_overlay();
        }
        plan
    }

    /// The options as mount(2) takes them: it would cut them silently at the end of a page.
    pub(super) fn data(&self) -> Result<Option<CString>, Errno> {
        if self.options.is_empty() {
            return Ok(None);
        }
        let text = self.options.join(",");
        if text.len() >= PAGE {
            return Err(Errno::TOOBIG);
        }
        CString::new(text).map(Some).map_err(|_nul| Errno::INVAL)
    }

    /// Turns the upper directory into the topmost lower one: nothing can be written, and the upper and work
    /// directories are not claimed while the container's own mount of them may begin.
    fn make_overlay_read_only(&mut self) {
        let upper = self.take("upperdir");
        self.take("workdir");
        if let Some(upper) = upper {
            let lower = self.take("lowerdir").unwrap_or_default();
            let lower = if lower.is_empty() { upper } else { format!("{upper}:{lower}") };
            self.options.push(format!("lowerdir={lower}"));
        }
    }

    /// Names the lower directories relative to the directory that they share, because mount(2) takes one page of
    /// options only. Snapshotters keep their snapshots in sibling directories, so this is most of their length.
    fn shorten_overlay(&mut self) {
        let Some(lower) = self.take("lowerdir") else { return };
        let layers = split_layers(&lower);
        let common = common_directory(&layers);
        let short: Option<Vec<&str>> = layers.iter().map(|layer| layer.strip_prefix(&common)).collect();
        match short {
            // An empty name would mean the shared directory itself, and overlay has no word for that.
            Some(short) if common.len() > 1 && short.iter().all(|name| !name.is_empty()) => {
                self.options.push(format!("lowerdir={}", short.join(":")));
                self.working_directory = Some(PathBuf::from(common));
            }
            _ => self.options.push(format!("lowerdir={lower}")),
        }
    }

    /// Removes `key=value` and returns the value.
    fn take(&mut self, key: &str) -> Option<String> {
        let value = |option: &String| option.strip_prefix(key)?.strip_prefix('=').map(str::to_owned);
        let place = self.options.iter().position(|option| value(option).is_some())?;
        value(&self.options.remove(place))
    }
}

/// The layers of a `lowerdir` value; a colon of a path is escaped by a backslash.
fn split_layers(lower: &str) -> Vec<&str> {
    let mut layers = Vec::new();
    let mut start = 0;
    let mut escaped = false;
    for (place, letter) in lower.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ':' => {
                layers.extend(lower.get(start..place));
                start = place + 1;
            }
            _ => {}
        }
    }
    layers.extend(lower.get(start..));
    layers
}

/// The longest directory (with its final slash) that all absolute layers lie in; empty when there is none, or when
/// it could not be changed to because it is escaped.
fn common_directory(layers: &[&str]) -> String {
    let Some((first, rest)) = layers.split_first() else { return String::new() };
    let mut common = first.rsplit_once('/').map_or("", |(directory, _)| directory);
    for layer in rest {
        while !layer.strip_prefix(common).is_some_and(|inside| inside.starts_with('/')) {
            match common.rsplit_once('/') {
                Some((parent, _)) => common = parent,
                None => return String::new(),
            }
        }
    }
    if common.starts_with('/') && !common.contains('\\') { format!("{common}/") } else { String::new() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn overlay(options: &[&str]) -> MountPlan {
        let mount = RootfsMount {
            kind: "overlay".into(),
            source: "overlay".into(),
            options: options.iter().map(|&option| option.to_owned()).collect(),
        };
        MountPlan::new(&mount, Access::ReadOnly)
    }

    fn data(plan: &MountPlan) -> String {
        plan.data().unwrap().unwrap_or_default().into_string().unwrap()
    }

    #[test]
    fn sibling_layers_are_named_from_the_directory_they_share() {
        let plan = overlay(&["index=off", "lowerdir=/s/snapshots/12/fs:/s/snapshots/1/fs:/s/snapshots/7/fs"]);
        assert_eq!(data(&plan), "index=off,lowerdir=12/fs:1/fs:7/fs");
        assert_eq!(plan.working_directory, Some("/s/snapshots/".into()));
    }

    #[test]
    fn a_writable_snapshot_becomes_one_more_layer() {
        let plan = overlay(&["workdir=/s/3/work", "upperdir=/s/3/fs", "lowerdir=/s/2/fs:/s/1/fs", "rw"]);
        assert_eq!(data(&plan), "lowerdir=3/fs:2/fs:1/fs");
        assert_eq!(plan.working_directory, Some("/s/".into()));
    }

    #[test]
    fn layers_that_share_no_directory_keep_their_paths() {
        let plan = overlay(&["lowerdir=/a/1:/b/2"]);
        assert_eq!((data(&plan).as_str(), plan.working_directory), ("lowerdir=/a/1:/b/2", None));
    }

    #[test]
    fn a_layer_that_holds_another_is_not_the_directory_they_share() {
        let plan = overlay(&["lowerdir=/s/a:/s/a/b"]);
        assert_eq!((data(&plan).as_str(), plan.working_directory), ("lowerdir=a:a/b", Some("/s/".into())));
    }

    #[test]
    fn an_escaped_colon_is_part_of_a_path() {
        let plan = overlay(&["lowerdir=/s/a\\:b/fs:/s/c/fs"]);
        assert_eq!(data(&plan), "lowerdir=a\\:b/fs:c/fs");
        let plan = overlay(&["lowerdir=/s\\:/a:/s\\:/b"]);
        assert_eq!((data(&plan).as_str(), plan.working_directory), ("lowerdir=/s\\:/a:/s\\:/b", None));
    }

    #[test]
    fn options_of_the_kernel_become_flags_and_the_rest_stays() {
        let mount = RootfsMount {
            kind: "bind".into(),
            source: "/s/1/fs".into(),
            options: ["ro", "rbind", "nosuid", "noatime", "x"].map(str::to_owned).into(),
        };
        let plan = MountPlan::new(&mount, Access::ReadOnly);
        assert_eq!(plan.kind, SourceKind::Bind { recursive: true });
        assert_eq!(plan.flags, MountFlags::NOSUID | MountFlags::NOATIME);
        assert_eq!(data(&plan), "x");
    }

    #[test]
    fn a_hundred_layers_fit_one_page() {
        let layers: Vec<String> = (0..100)
            .map(|n| format!("/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/{n}/fs"))
            .collect();
        let plan = overlay(&[&format!("lowerdir={}", layers.join(":"))]);
        assert!(data(&plan).len() < 4096);
    }

    #[test]
    fn options_longer_than_a_page_are_an_error() {
        let plan = overlay(&[&format!("lowerdir={}:/b", "/a".repeat(3000))]);
        assert_eq!(plan.data(), Err(Errno::TOOBIG));
    }

    proptest! {
        #[test]
        fn shortened_layers_name_the_same_directories(
            layers in prop::collection::vec("(/(a|b|ab|s)){1,4}", 1..6),
        ) {
            let plan = overlay(&[&format!("lowerdir={}", layers.join(":"))]);
            let text = data(&plan);
            let base = plan.working_directory.clone().unwrap_or_default();
            let named: Vec<PathBuf> =
                text.strip_prefix("lowerdir=").unwrap().split(':').map(|layer| base.join(layer)).collect();
            let given: Vec<PathBuf> = layers.iter().map(PathBuf::from).collect();
            prop_assert_eq!(named, given);
        }
    }
}
