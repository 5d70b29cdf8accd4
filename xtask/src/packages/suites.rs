//! The package sources of another suite, derived from those that the host uses.

use anyhow::{Result, bail};

pub(super) const FIELDS: &str = "$(ORIGIN)|$(CREATED_BY)|$(CODENAME)|$(COMPONENT)|$(REPO_URI)";
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// The text of a `sources.list` that names `suite` on the mirror of the host, from what `apt-get indextargets` lists
/// with [`FIELDS`].
///
/// # Errors
/// The host's own suite is not of Debian, or its sources can not be read.
pub(crate) fn sources_of(suite: &str, targets: &str) -> Result<String> {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let Some(mirror) = mirror(targets, codename(&release)) else {
        bail!("the package sources of this host name no archive of Debian, so {suite} can not be derived");
    };
    let keyring = std::path::Path::new(KEYRING).is_file().then_some(KEYRING);
    let signed = keyring.map(|file| format!("[signed-by={file}] ")).unwrap_or_default();
    Ok(format!("deb {signed}{mirror} {suite} main\n"))
}

/// The address of the archive out of `apt-get indextargets`, for the host's own code name.
fn mirror<'a>(said: &'a str, codename: &str) -> Option<&'a str> {
    said.lines().find_map(|line| {
        let fields: Vec<&str> = line.split('|').collect();
        match fields.as_slice() {
            ["Debian", "Packages", name, "main", address] if *name == codename => Some(*address),
            _ => None,
        }
    })
}

pub(super) fn codename(release: &str) -> &str {
    let value = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    value.unwrap_or_default().trim_matches('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mirror_is_that_of_the_hosts_own_suite() {
        let said = "Other|Packages|bookworm|main|https://other.example/\n\
                    Debian|Packages|bookworm-security|main|https://one.example/security/\n\
                    Debian|DEP-11|bookworm|main|https://one.example/dep/\n\
                    Debian|Packages|bookworm|main|https://one.example/debian/\n";
        assert_eq!(mirror(said, "bookworm"), Some("https://one.example/debian/"));
        assert_eq!(mirror(said, "trixie"), None);
    }

    #[test]
    fn the_code_name_is_read_with_and_without_quotes() {
        assert_eq!(codename("ID=debian\nVERSION_CODENAME=bookworm\n"), "bookworm");
        assert_eq!(codename("VERSION_CODENAME=\"noble\"\n"), "noble");
        assert_eq!(codename("ID=other\n"), "");
    }
}
