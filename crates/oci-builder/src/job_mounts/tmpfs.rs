//! A mount of type tmpfs and its options (tmpfs(5)).

use std::path::PathBuf;

use super::fstab::{self, Words};
use super::{JobMountError, MountShape};
use crate::{Access, Mount, MountKind, size};

/// The source that a tmpfs shows where the job names none; it has no meaning.
const NAME: &str = "tmpfs";

pub(super) fn mount(
    source: String,
    target: PathBuf,
    words: &[&str],
    shape: MountShape,
) -> Result<Mount, JobMountError> {
    let mut read = Words::new(Access::ReadWrite);
    if let MountShape::Docker(docker) = shape {
        read.access = docker.access;
        read.flags.extend(["noexec", "nosuid", "nodev"].map(str::to_owned));
        if docker.tmpfs_size_bytes > 0 {
            read.flags.push(size::tmpfs_option(docker.tmpfs_size_bytes));
        }
        if docker.tmpfs_mode > 0 {
            read.flags.push(mode(docker.tmpfs_mode, &format!("tmpfs_options.mode={}", docker.tmpfs_mode))?);
        }
    }
    for word in words {
        match word.split_once('=') {
            Some((name, value)) => read.flags.push(value_of(word, name, value)?),
            None if WORDS.contains(word) => read.flags.push((*word).to_owned()),
            None if read.take(word) => {}
            None => return Err(unknown(word)),
        }
    }
    let source = if source.is_empty() { NAME.to_owned() } else { source };
    let kind = MountKind::Filesystem { kind: "tmpfs".to_owned(), source };
    Ok(Mount { destination: target, kind, access: read.access, options: read.flags })
}

/// The option as the kernel takes it.
fn value_of(word: &str, name: &str, value: &str) -> Result<String, JobMountError> {
    let refused = |accepted| JobMountError::Value { option: word.to_owned(), accepted };
    match name {
        "size" => match value.strip_suffix('%') {
            Some(percent) => {
                let valid = number(percent).is_some_and(|percent| (1..=100).contains(&percent));
                if valid { Ok(word.to_owned()) } else { Err(refused("1% to 100% of the host's memory")) }
            }
            None => bytes(word, value),
        },
        "mode" => {
            let bits = u32::from_str_radix(value, 8).ok().filter(|_| number(value).is_some());
            mode(bits.ok_or_else(|| refused(MODES))?, word)
        }
        "uid" | "gid" if number(value).is_some() => Ok(word.to_owned()),
        "uid" | "gid" => Err(refused("a number, 0 to 4294967295")),
        "nr_inodes" | "nr_blocks" if is_count(value) => Ok(word.to_owned()),
        "nr_inodes" | "nr_blocks" => Err(refused("a number, perhaps with k, m or g; 0 is no limit")),
        "huge" if HUGE.contains(&value) => Ok(word.to_owned()),
        "huge" => Err(refused("never, always, within_size, advise")),
        "mpol" if is_policy(value) => Ok(word.to_owned()),
        "mpol" => Err(refused("default, local, prefer, bind, interleave, with memory nodes as in bind:0-1")),
        _ => Err(unknown(word)),
    }
}

fn bytes(word: &str, value: &str) -> Result<String, JobMountError> {
    match crate::parse_size(value) {
        Ok(bytes) => Ok(size::tmpfs_option(bytes)),
        Err(source) => Err(JobMountError::Size { option: word.to_owned(), source }),
    }
}

/// Words of a tmpfs alone; the first is the runtime's.
const WORDS: [&str; 4] = ["tmpcopyup", "inode32", "inode64", "noswap"];

const HUGE: [&str; 4] = ["never", "always", "within_size", "advise"];

/// A number as the kernel takes it, with a unit of 1024.
fn is_count(value: &str) -> bool {
    let digits = value.strip_suffix(['k', 'K', 'm', 'M', 'g', 'G']).unwrap_or(value);
    number(digits).is_some()
}

/// `mode[=flags][:nodes]`.
fn is_policy(value: &str) -> bool {
    let (mode, nodes) = value.split_once(':').unwrap_or((value, "0"));
    let (mode, flags) = mode.split_once('=').unwrap_or((mode, "static"));
    ["default", "local", "prefer", "bind", "interleave"].contains(&mode)
        && ["static", "relative"].contains(&flags)
        && crate::check::is_id_list(nodes)
}

const MODES: &str = "permission bits, in octal 0 to 7777";

fn mode(bits: u32, option: &str) -> Result<String, JobMountError> {
    if bits > 0o7777 {
        return Err(JobMountError::Value { option: option.to_owned(), accepted: MODES });
    }
    Ok(format!("mode={bits:o}"))
}

fn number(text: &str) -> Option<u32> {
    text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()))
}

fn unknown(word: &str) -> JobMountError {
    let accepted = format!(
        "size=, mode=, uid=, gid=, nr_inodes=, nr_blocks=, huge=, mpol=, {}, {}",
        WORDS.join(", "),
        fstab::accepted()
    );
    JobMountError::Option { option: word.to_owned(), kind: "tmpfs", accepted }
}
