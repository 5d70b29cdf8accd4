//! A tar archive with random access: where its files begin is noted once, then they are read in place.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Component, Path};

use flate2::read::MultiGzDecoder;

/// First bytes of a gzip stream (RFC 1952).
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// Most links that are followed from one name.
const MAX_LINKS: usize = 8;
/// Largest document that is read into memory, in bytes.
const MAX_DOCUMENT: u64 = 16 << 20;

/// An opened archive.
#[derive(Debug)]
pub(super) struct Archive {
    file: File,
    entries: BTreeMap<String, Entry>,
}

/// A file in the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    /// Where it begins, in bytes from the archive's beginning.
    start: u64,
    /// Its size in bytes.
    pub(super) size: u64,
}

impl Extent {
    /// Where it begins: no two files of an archive begin at one place.
    pub(super) fn start(self) -> u64 {
        self.start
    }
}

#[derive(Debug)]
enum Entry {
    File(Extent),
    /// Another name, already resolved within the archive.
    Link(String),
}

impl Archive {
    /// Opens an archive; one that is compressed is first unpacked into a nameless temporary file.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let mut magic = [0; 2];
        let has_magic = file.read_exact(&mut magic).is_ok() && magic == GZIP;
        file.seek(SeekFrom::Start(0))?;
        let file = if has_magic { unpacked(file)? } else { file };
        let entries = entries_of(&file)?;
        Ok(Self { file, entries })
    }

    /// The file of this name, links followed; none when there is none.
    pub(super) fn find(&self, name: &str) -> Option<Extent> {
        let mut name = name;
        for _ in 0..=MAX_LINKS {
            match self.entries.get(name)? {
                Entry::File(extent) => return Some(*extent),
                Entry::Link(target) => name = target,
            }
        }
        None
    }

    /// The whole of a small file; none when there is none.
    pub(super) fn document(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let Some(extent) = self.find(name) else { return Ok(None) };
        if extent.size > MAX_DOCUMENT {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is larger than 16 MiB"));
        }
        self.read(extent, 0, usize::try_from(extent.size).unwrap_or(usize::MAX)).map(Some)
    }

    /// At most `length` bytes of a file from an offset on; fewer only at its end.
    pub(super) fn read(&self, extent: Extent, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let rest = usize::try_from(extent.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; length.min(rest)];
        self.file.read_exact_at(&mut bytes, extent.start + offset)?;
        Ok(bytes)
    }
}

fn unpacked(file: File) -> io::Result<File> {
    let mut plain = tempfile::tempfile()?;
    io::copy(&mut MultiGzDecoder::new(BufReader::with_capacity(1 << 20, file)), &mut plain)?;
    plain.seek(SeekFrom::Start(0))?;
    Ok(plain)
}

fn entries_of(file: &File) -> io::Result<BTreeMap<String, Entry>> {
    let mut archive = tar::Archive::new(file);
    let mut entries = BTreeMap::new();
    for entry in archive.entries_with_seek()? {
        let entry = entry?;
        let name = normal(&entry.path()?);
        let kind = entry.header().entry_type();
        if kind.is_file() {
            let extent = Extent { start: entry.raw_file_position(), size: entry.size() };
            entries.insert(name, Entry::File(extent));
        } else if (kind.is_symlink() || kind.is_hard_link())
            && let Some(target) = entry.link_name()?
        {
            // A symbolic link is seen from its own directory, a hard link from the archive's root.
            let from = if kind.is_symlink() { Path::new(&name).parent() } else { None };
            let target = normal(&from.unwrap_or(Path::new("")).join(target));
            entries.insert(name, Entry::Link(target));
        }
    }
    Ok(entries)
}

/// A name without `.`, `..` and leading slashes: purely a key, no file is opened by it.
fn normal(path: &Path) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => parts.push(part.to_str().unwrap_or("\u{fffd}")),
            Component::ParentDir => drop(parts.pop()),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(build: impl FnOnce(&mut tar::Builder<File>)) -> Archive {
        let path = tempfile::NamedTempFile::new().unwrap();
        let mut builder = tar::Builder::new(path.reopen().unwrap());
        build(&mut builder);
        builder.into_inner().unwrap();
        Archive::open(path.path()).unwrap()
    }

    fn add(builder: &mut tar::Builder<File>, name: &str, bytes: &[u8]) {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        builder.append_data(&mut header, name, bytes).unwrap();
    }

    #[test]
    fn files_are_read_in_place() {
        let archive = archive(|builder| {
            add(builder, "./a/one", b"first");
            add(builder, "a/two", b"second");
        });
        assert_eq!(archive.document("a/one").unwrap().unwrap(), b"first");
        let two = archive.find("a/two").unwrap();
        assert_eq!(archive.read(two, 3, 100).unwrap(), b"ond");
        assert_eq!(archive.document("a/three").unwrap(), None);
    }

    #[test]
    fn links_are_followed_within_the_archive_only() {
        let archive = archive(|builder| {
            add(builder, "base/layer.tar", b"layer");
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_size(0);
            builder.append_link(&mut header, "top/layer.tar", "../base/layer.tar").unwrap();
            builder.append_link(&mut header, "passwd", "/etc/passwd").unwrap();
            builder.append_link(&mut header, "loop", "loop").unwrap();
        });
        assert_eq!(archive.document("top/layer.tar").unwrap().unwrap(), b"layer");
        assert_eq!(archive.find("passwd"), None);
        assert_eq!(archive.find("loop"), None);
    }

    #[test]
    fn what_is_no_archive_is_an_error() {
        let path = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(path.path(), vec![7; 4096]).unwrap();
        assert!(Archive::open(path.path()).is_err());
        assert!(Archive::open(Path::new("/no/such/archive")).is_err());
    }
}
