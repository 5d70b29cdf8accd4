//! The mounts of a process, as the kernel lists them (proc_pid_mountinfo(5)). Names in them are bytes in any encoding.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// A mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// What of its file system is mounted.
    pub root: PathBuf,
    /// Where.
    pub point: PathBuf,
    /// How it spreads: `shared:1`, `master:1`, `unbindable` …
    pub propagation: Vec<String>,
    /// Type of the file system.
    pub kind: String,
    /// Options of the file system, with commas between them.
    pub super_options: String,
}

/// The mounts of a process by its directory in `/proc`, in the order of mounting. Blocking.
///
/// # Errors
/// What the kernel says of the file.
pub fn of_process(process: &Path) -> std::io::Result<Vec<Mount>> {
    Ok(parse(&std::fs::read(process.join("mountinfo"))?))
}

/// The mounts in the text of such a file; what is no line of one is left out.
#[must_use]
pub fn parse(text: &[u8]) -> Vec<Mount> {
    text.split(|byte| *byte == b'\n').filter_map(Mount::parse).collect()
}

impl Mount {
    /// Reads a line.
    fn parse(line: &[u8]) -> Option<Self> {
        let mut fields = line.split(|byte| *byte == b' ');
        let (root, point) = (path(fields.nth(3)?), path(fields.next()?));
        let _options = fields.next()?;
        let propagation = fields.by_ref().take_while(|field| *field != b"-").map(text).collect();
        let kind = text(fields.next()?);
        let super_options = text(fields.nth(1)?);
        Some(Self { root, point, propagation, kind, super_options })
    }

    /// The number behind a tag such as `shared:`.
    #[must_use]
    pub fn group(&self, tag: &str) -> Option<&str> {
        self.propagation.iter().find_map(|field| field.strip_prefix(tag))
    }
}

fn path(field: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec(unescape(field)))
}

fn text(field: &[u8]) -> String {
    String::from_utf8_lossy(&unescape(field)).into_owned()
}

/// Spaces and the like are written as a backslash and three octal digits.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, tail)) = rest.split_first() {
        match (first, tail) {
            (b'\\', &[a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ref after @ ..]) => {
                bytes.push((a - b'0') * 64 + (b - b'0') * 8 + (c - b'0'));
                rest = after;
            }
            _ => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_part_of_a_line_is_read() {
        let line = b"36 35 98:0 /sub\\040dir /mnt\\011a\\134b rw,noatime shared:7 master:1 - ext3 /dev/root rw,errors=x\n";
        let mount = Mount {
            root: "/sub dir".into(),
            point: "/mnt\ta\\b".into(),
            propagation: vec!["shared:7".into(), "master:1".into()],
            kind: "ext3".into(),
            super_options: "rw,errors=x".into(),
        };
        assert_eq!((mount.group("master:"), mount.group("propagate_from:")), (Some("1"), None));
        assert_eq!(parse(line), [mount]);
    }

    #[test]
    fn a_name_that_is_no_text_hides_no_mount() {
        let lines = b"1 2 0:3 / /a\xff\xfe rw - tmpfs tmpfs rw\nshort\n\n4 2 0:5 / /b rw - tmpfs  rw\n";
        let points: Vec<_> = parse(lines).into_iter().map(|mount| mount.point).collect();
        assert_eq!(points, [Path::new(std::ffi::OsStr::from_bytes(b"/a\xff\xfe")), Path::new("/b")]);
    }

    #[test]
    fn this_process_has_a_root() {
        let mounts = of_process(Path::new("/proc/self")).unwrap();
        assert!(mounts.iter().any(|mount| mount.point == Path::new("/")), "{mounts:?}");
    }

    proptest! {
        #[test]
        fn what_the_kernel_escapes_is_read_back(name in prop::collection::vec(1..=u8::MAX, 0..20)) {
            let escaped: Vec<u8> = name.iter().flat_map(|&byte| match byte {
                b' ' | b'\t' | b'\n' | b'\\' => format!("\\{byte:03o}").into_bytes(),
                _ => vec![byte],
            }).collect();
            let line = [b"1 2 0:3 / /", escaped.as_slice(), b" rw - tmpfs tmpfs rw"].concat();
            let (wanted, mounts) = ([b"/", name.as_slice()].concat(), parse(&line));
            prop_assert_eq!(mounts[0].point.as_os_str().as_bytes(), wanted);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = parse(&text);
        }
    }
}
