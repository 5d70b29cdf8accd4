//! The host name (`hostname`).

use crate::{BuildError, NamespaceMode};

/// The kernel's limit (`__NEW_UTS_LEN`, sethostname(2)) in bytes.
const LONGEST: usize = 64;

/// Checks a host name before it is written anywhere: 1 to 64 bytes of letters, digits, `-`, `_` and `.`.
///
/// # Errors
/// [`BuildError::Hostname`].
pub fn check_hostname(hostname: &str) -> Result<(), BuildError> {
    let fits = (1..=LONGEST).contains(&hostname.len());
    if fits && hostname.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c)) {
        Ok(())
    } else {
        Err(BuildError::Hostname { hostname: hostname.to_owned() })
    }
}

/// The name of the container's own UTS namespace; to set the host's is no container's business.
pub(crate) fn hostname(hostname: String, uts: NamespaceMode) -> Result<Option<String>, BuildError> {
    check_hostname(&hostname)?;
    Ok((uts == NamespaceMode::Own).then_some(hostname))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::testing::{check, refused};

    #[test]
    fn a_name_of_64_bytes_is_taken() {
        check(
            |plan| plan.hostname = "x".repeat(64),
            expect![[r#"
                ~ hostname: "task" => "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
            "#]],
        );
    }

    #[test]
    fn what_would_not_be_one_name_in_a_hosts_file_is_refused() {
        refused(
            |plan| plan.hostname = "web\n10.0.0.1 db".into(),
            expect![[
                r#"the host name "web\n10.0.0.1 db" must have 1 to 64 bytes of letters, digits, '-', '_' and '.'"#
            ]],
        );
        for name in ["a b", "a#b", "a\tb", "a\0", "a/b", "a:b"] {
            assert!(super::check_hostname(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn longer_and_empty_names_are_refused() {
        refused(
            |plan| plan.hostname = "é".repeat(33),
            expect![[
                r#"the host name "ééééééééééééééééééééééééééééééééé" must have 1 to 64 bytes of letters, digits, '-', '_' and '.'"#
            ]],
        );
        refused(
            |plan| plan.hostname.clear(),
            expect![[r#"the host name "" must have 1 to 64 bytes of letters, digits, '-', '_' and '.'"#]],
        );
    }
}
