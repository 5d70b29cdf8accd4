//! What the root file system of the guest is made from, as far as it is decided here.

/// Raised when the making changes in a way that nothing below shows.
const EDITION: u32 = 1;

/// The kernel, the runtime, and what the tests start; no recommended packages come with them.
pub(super) const PACKAGES: [&str; 11] = [
    "linux-image-cloud-amd64",
    "initramfs-tools",
    "ca-certificates",
    "kmod",
    "containerd",
    "dbus",
    "runc",
    "iproute2",
    "iptables",
    "mount",
    "systemd",
];

/// A file that is there before the packages are installed.
pub(super) struct File {
    /// Its path beneath the root.
    pub(super) path: &'static str,
    /// Its text.
    pub(super) text: &'static str,
    /// Its mode.
    pub(super) mode: u32,
}

/// The program that both ways of starting the guest come to.
pub(super) const INIT: &str = "/usr/sbin/guest-init";

/// The unit that runs it where systemd is the first program.
pub(super) const UNIT: &str = "guest.service";

/// The files.
pub(super) const FILES: [File; 4] = [
    File { path: "usr/sbin/guest-init", text: include_str!("init.sh"), mode: 0o755 },
    File { path: "etc/systemd/system/guest.service", text: include_str!("guest.service"), mode: 0o644 },
    // An initrd with these modules alone is made and read in a fraction of the time.
    File { path: "etc/initramfs-tools/conf.d/guest", text: "MODULES=list\n", mode: 0o644 },
    File {
        path: "etc/initramfs-tools/hooks/guest",
        text: "#!/bin/sh\n[ \"$1\" = prereqs ] && exit 0\n. /usr/share/initramfs-tools/hook-functions\n\
               manual_add_modules virtio_pci virtio_blk ext4 crc32c_generic\n",
        mode: 0o755,
    },
];

/// Directories and files of packages that no test reads.
pub(super) const LEFT_OUT: [&str; 4] =
    ["/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*"];

/// Everything that decides what comes out, for one suite of the distribution. A root file system with another text
/// is made anew.
pub(super) fn text(suite: &str) -> String {
    let mut text = format!("edition {EDITION}\nsuite {suite}\npackages {}\n", PACKAGES.join(" "));
    for File { path, text: content, mode } in &FILES {
        text.push_str(&format!("file {path} {mode:o}\n{content}"));
    }
    text.push_str(&format!("without {}\n", LEFT_OUT.join(" ")));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recipe_names_suite_packages_and_the_text_of_every_file() {
        let text = text("bookworm");
        assert!(text.contains("\nsuite bookworm\n"), "{text}");
        assert!(PACKAGES.iter().all(|package| text.contains(package)));
        assert!(FILES.iter().all(|file| text.contains(file.path) && text.contains(file.text)));
        assert_ne!(text, super::text("trixie"));
    }

    #[test]
    fn the_unit_and_the_init_are_among_the_files() {
        let paths: Vec<String> = FILES.iter().map(|file| format!("/{}", file.path)).collect();
        assert!(paths.iter().any(|path| path == INIT) && paths.iter().any(|path| path.ends_with(UNIT)));
    }
}
