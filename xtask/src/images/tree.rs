//! The files of a layer, in memory, written as a tar archive whose bytes depend on nothing else.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

/// Who owns an entry and what may be done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rights {
    /// The permission bits, set-id and sticky bits included.
    pub(crate) mode: u32,
    /// The user's number.
    pub(crate) uid: u64,
    /// The group's number.
    pub(crate) gid: u64,
}

/// Root's entry with this mode.
pub(crate) const fn root(mode: u32) -> Rights {
    Rights { mode, uid: 0, gid: 0 }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    Dir,
    File(Vec<u8>),
    Link(String),
}

/// A layer: paths without a leading slash, each with its rights and content.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    nodes: BTreeMap<String, (Rights, Node)>,
}

impl Tree {
    /// Adds a directory; one that is there already gets these rights.
    pub(crate) fn dir(&mut self, path: &str, rights: Rights) {
        self.parents(path);
        self.nodes.insert(path.to_owned(), (rights, Node::Dir));
    }

    /// Adds a file.
    pub(crate) fn file(&mut self, path: &str, rights: Rights, data: impl Into<Vec<u8>>) {
        self.parents(path);
        self.nodes.insert(path.to_owned(), (rights, Node::File(data.into())));
    }

    /// Adds a symbolic link.
    pub(crate) fn link(&mut self, path: &str, target: &str) {
        self.parents(path);
        self.nodes.insert(path.to_owned(), (root(0o777), Node::Link(target.to_owned())));
    }

    /// The bytes of a file that was added.
    pub(crate) fn data(&self, path: &str) -> Option<&[u8]> {
        match self.nodes.get(path) {
            Some((_, Node::File(data))) => Some(data),
            _ => None,
        }
    }

    fn parents(&mut self, path: &str) {
        for (at, _) in path.match_indices('/') {
            let parent = path.get(..at).unwrap_or_default().to_owned();
            self.nodes.entry(parent).or_insert((root(0o755), Node::Dir));
        }
    }

    /// The layer as a tar archive: entries sorted, every time zero.
    ///
    /// # Errors
    /// A path does not fit into the format.
    pub(crate) fn tar(&self) -> Result<Vec<u8>> {
        let mut archive = tar::Builder::new(Vec::new());
        for (path, (rights, node)) in &self.nodes {
            append(&mut archive, path, *rights, node).with_context(|| format!("can not write {path}"))?;
        }
        archive.into_inner().context("can not end a layer")
    }
}

fn append(archive: &mut tar::Builder<Vec<u8>>, path: &str, rights: Rights, node: &Node) -> Result<()> {
    let mut header = header(rights);
    match node {
        Node::Dir => {
            header.set_entry_type(tar::EntryType::Directory);
            archive.append_data(&mut header, format!("{path}/"), std::io::empty())?;
        }
        Node::File(data) => {
            header.set_entry_type(tar::EntryType::Regular);
            header.set_size(u64::try_from(data.len())?);
            archive.append_data(&mut header, path, data.as_slice())?;
        }
        Node::Link(target) => {
            header.set_entry_type(tar::EntryType::Symlink);
            archive.append_link(&mut header, path, target)?;
        }
    }
    Ok(())
}

/// An archive of plain files, for the outer form of an image.
///
/// # Errors
/// A path does not fit into the format.
pub(crate) fn plain_tar<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<Vec<u8>> {
    let mut tree = Tree::default();
    for (path, data) in files {
        tree.file(path, root(0o644), data);
    }
    tree.tar()
}

fn header(rights: Rights) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_mode(rights.mode);
    header.set_uid(rights.uid);
    header.set_gid(rights.gid);
    header.set_mtime(0);
    header.set_size(0);
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(tree: &Tree) -> Vec<String> {
        let bytes = tree.tar().unwrap();
        let mut archive = tar::Archive::new(bytes.as_slice());
        let paths =
            archive.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().display().to_string());
        paths.collect()
    }

    #[test]
    fn parents_are_there_before_their_children() {
        let mut tree = Tree::default();
        tree.file("usr/bin/tool", root(0o755), "x");
        tree.link("a", "usr");
        assert_eq!(names(&tree), ["a", "usr/", "usr/bin/", "usr/bin/tool"]);
    }

    #[test]
    fn the_same_files_give_the_same_bytes_in_any_order() {
        let (mut one, mut two) = (Tree::default(), Tree::default());
        one.file("a/x", root(0o644), "1");
        one.file("b", root(0o644), "2");
        two.file("b", root(0o644), "2");
        two.file("a/x", root(0o644), "1");
        assert_eq!(one.tar().unwrap(), two.tar().unwrap());
    }

    #[test]
    fn rights_given_to_a_directory_win_over_those_of_a_mere_parent() {
        let mut tree = Tree::default();
        tree.file("home/app/x", root(0o644), "");
        tree.dir("home/app", Rights { mode: 0o700, uid: 1000, gid: 1000 });
        tree.file("home/app/y", root(0o644), "");
        assert_eq!(tree.nodes.get("home/app").unwrap().0.uid, 1000);
    }
}
