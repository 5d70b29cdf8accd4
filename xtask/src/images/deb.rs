//! Reads the files of a package into a layer.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::tree::{Tree, root};
use crate::process;

/// Adds the files of packages, without documentation, and with `/bin`, `/lib` … merged into `/usr`.
///
/// # Errors
/// A package can not be read.
pub(crate) fn add(tree: &mut Tree, debs: &[PathBuf]) -> Result<()> {
    for dir in ["bin", "sbin", "lib", "lib64"] {
        tree.dir(&format!("usr/{dir}"), root(0o755));
        tree.link(dir, &format!("usr/{dir}"));
    }
    debs.iter().try_for_each(|deb| add_one(tree, deb))
}

/// One file of the packages.
///
/// # Errors
/// A package can not be read, or none has the file.
pub(crate) fn file(debs: &[PathBuf], path: &str) -> Result<Vec<u8>> {
    let mut tree = Tree::default();
    add(&mut tree, debs)?;
    let data = tree.data(&merged(path)).map(<[u8]>::to_vec);
    data.with_context(|| format!("no package has the file /{path}"))
}

fn add_one(tree: &mut Tree, deb: &Path) -> Result<()> {
    let bytes = process::output(Command::new("dpkg-deb").arg("--fsys-tarfile").arg(deb))?;
    let mut archive = tar::Archive::new(bytes.as_slice());
    for entry in archive.entries()? {
        let mut entry = entry.with_context(|| format!("can not read {}", deb.display()))?;
        let path = merged(&entry.path()?.to_string_lossy());
        if !wanted(&path) {
            continue;
        }
        let mode = entry.header().mode()? & 0o7777;
        let target = entry.link_name()?.map(|target| target.to_string_lossy().into_owned());
        match (entry.header().entry_type(), target) {
            (tar::EntryType::Regular, _) => {
                let mut data = Vec::new();
                entry.read_to_end(&mut data)?;
                tree.file(&path, root(mode), data);
            }
            (tar::EntryType::Symlink, Some(target)) => tree.link(&path, &target),
            (tar::EntryType::Link, Some(target)) => {
                let data = tree.data(&merged(&target)).map(<[u8]>::to_vec);
                let data = data.with_context(|| format!("{path} is a link to nothing"))?;
                tree.file(&path, root(mode), data);
            }
            _ => {}
        }
    }
    Ok(())
}

/// The path where a merged `/usr` has it, without a leading `./`.
fn merged(path: &str) -> String {
    let path = path.trim_start_matches("./").trim_matches('/');
    let first = path.split('/').next().unwrap_or_default();
    let moved = path != first && matches!(first, "bin" | "sbin" | "lib" | "lib64");
    if moved { format!("usr/{path}") } else { path.to_owned() }
}

/// Programs and libraries; not what is for people, for the package manager or for another init.
fn wanted(path: &str) -> bool {
    const LEFT_OUT: [&str; 8] = [
        "usr/share/doc/",
        "usr/share/man/",
        "usr/share/lintian/",
        "usr/share/bash-completion/",
        "usr/lib/systemd/",
        "usr/lib/x86_64-linux-gnu/gconv/",
        "usr/lib/aarch64-linux-gnu/gconv/",
        "etc/",
    ];
    path.starts_with("usr/") && !LEFT_OUT.iter().any(|prefix| path.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_paths_are_those_of_a_merged_usr() {
        let paths = ["./lib/x86_64-linux-gnu/libc.so.6", "./usr/bin/tool", "bin", "./etc/passwd"];
        let expected = ["usr/lib/x86_64-linux-gnu/libc.so.6", "usr/bin/tool", "bin", "etc/passwd"];
        assert_eq!(paths.map(merged), expected);
    }

    #[test]
    fn documentation_is_left_out() {
        assert!(wanted("usr/bin/redis-cli"));
        assert!(!wanted("usr/share/doc/redis/copyright") && !wanted("etc/redis/redis.conf"));
    }
}
