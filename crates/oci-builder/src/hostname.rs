//! The host name (`hostname`).

use crate::{BuildError, check};

/// The kernel's limit (`__NEW_UTS_LEN`, sethostname(2)) in bytes.
const LONGEST: usize = 64;

pub(crate) fn hostname(hostname: String) -> Result<String, BuildError> {
    check::no_nul("hostname", &hostname)?;
    if hostname.is_empty() || hostname.len() > LONGEST {
        return Err(BuildError::Hostname { hostname });
    }
    Ok(hostname)
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
    fn longer_and_empty_names_are_refused() {
        refused(
            |plan| plan.hostname = "é".repeat(33),
            expect![[r#"the host name "ééééééééééééééééééééééééééééééééé" must have 1 to 64 bytes"#]],
        );
        refused(|plan| plan.hostname.clear(), expect![[r#"the host name "" must have 1 to 64 bytes"#]]);
    }
}
