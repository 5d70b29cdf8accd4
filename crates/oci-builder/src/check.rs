//! Checks that several options share.

use std::path::{Component, Path};

use crate::BuildError;

/// A string that the kernel takes as a C string.
pub(crate) fn no_nul(option: &'static str, value: &str) -> Result<(), BuildError> {
    if value.contains('\0') { Err(BuildError::Nul { option }) } else { Ok(()) }
}

/// A path that is a C string and can be written in the spec, which is JSON.
pub(crate) fn text_path(option: &'static str, path: &Path) -> Result<(), BuildError> {
    match path.to_str() {
        Some(text) => no_nul(option, text),
        None => Err(BuildError::NotUtf8 { option, path: path.to_owned() }),
    }
}

/// An absolute path that stays where its text says.
pub(crate) fn absolute_path(option: &'static str, path: &Path) -> Result<(), BuildError> {
    text_path(option, path)?;
    if path.is_absolute() && !path.components().any(|part| part == Component::ParentDir) {
        Ok(())
    } else {
        Err(BuildError::Path { option, path: path.to_owned() })
    }
}

/// A list of CPUs or memory nodes as the kernel takes it, such as `0-2,7`.
pub(crate) fn is_id_list(list: &str) -> bool {
    let number = |text: &str| text.parse::<u16>().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
    list.split(',').all(|part| match part.split_once('-') {
        Some((first, last)) => matches!((number(first), number(last)), (Some(a), Some(b)) if a <= b),
        None => number(part).is_some(),
    })
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn a_path_that_json_can_not_carry_is_refused() {
        let path = Path::new(OsStr::from_bytes(b"/a\xff"));
        assert_eq!(
            absolute_path("cwd", path),
            Err(BuildError::NotUtf8 { option: "cwd", path: path.to_owned() })
        );
    }

    #[test]
    fn dots_in_names_are_not_parents() {
        assert_eq!(absolute_path("cwd", Path::new("/a/..b/c..")), Ok(()));
    }
}
