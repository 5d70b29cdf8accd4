//! The seccomp profile of a task, read from the host before anything is made.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use linux_host::document::{self, Limits};
use oci_builder::Seccomp;
use oci_builder::seccomp::{Architecture, Profile, SeccompHost};

use super::Filter;
use crate::error::DriverError;
use crate::node::host::Host;
use crate::refusal::Refusal;

/// Profiles in use have some 20 KiB.
const LIMITS: Limits = Limits { bytes: 1024 * 1024, time: Duration::from_secs(10) };

/// The filter of a task's plan. Blocking.
pub(crate) fn filter(filter: &Filter, host: Host) -> Result<Seccomp, DriverError> {
    let profile = match filter {
        Filter::Off => return Ok(Seccomp::Unconfined),
        Filter::Shipped => Profile::shipped()
            .map_err(|error| DriverError::host("the driver's own seccomp profile")(error.into()))?,
        Filter::File(path) => Arc::new(read(path)?),
    };
    let host = SeccompHost { architecture: Architecture::NATIVE, kernel: host.kernel };
    Ok(Seccomp::Filter { profile, host })
}

fn read(path: &Path) -> Result<Profile, DriverError> {
    let hint = "a file on the host with a profile in docker's or the runtime spec's form";
    let unusable = |source| DriverError::unusable("seccomp_profile", path, hint)(source);
    let bytes = document::read_within(path, LIMITS).map_err(|error| unusable(error.into()))?;
    let profile = Profile::read(&bytes).map_err(|error| unusable(error.into()))?;
    match profile.listener_path() {
        None => Ok(profile),
        Some(_) => Err(Refusal::new(
            "seccomp_profile",
            path.display().to_string(),
            "profiles with listenerPath are not allowed",
        )
        .into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::chain;

    fn told(text: &str) -> String {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("profile.json");
        std::fs::write(&path, text).unwrap();
        match filter(&Filter::File(path), Host::read()) {
            Ok(Seccomp::Filter { .. }) => "a filter".to_owned(),
            Ok(Seccomp::Unconfined) => "none".to_owned(),
            Err(error) => chain(&error).replace(&dir.path().display().to_string(), "…"),
        }
    }

    #[test]
    fn a_profile_is_read_and_what_is_none_is_told_with_its_place() {
        assert_eq!(told(r#"{"defaultAction": "SCMP_ACT_ALLOW"}"#), "a filter");
        expect_test::expect![[r#"seccomp_profile = "…/profile.json" can not be used (accepted: a file on the host with a profile in docker's or the runtime spec's form): it is not a seccomp profile (line 1, column 2)"#]].assert_eq(&told("{}"));
        expect_test::expect![[
            r#"seccomp_profile = "…/profile.json": profiles with listenerPath are not allowed"#
        ]]
        .assert_eq(&told(r#"{"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/run/x.sock"}"#));
    }

    #[test]
    fn a_profile_that_is_no_file_is_refused() {
        for path in ["/no/such/profile.json", "/dev/zero", "/etc", "/proc/kmsg", "/sys/kernel/notes"] {
            let error = chain(&filter(&Filter::File(path.into()), Host::read()).unwrap_err());
            assert!(
                error.starts_with(&format!("seccomp_profile = {path:?} can not be used (accepted: ")),
                "{error}"
            );
        }
    }

    #[test]
    fn the_refusal_of_a_file_quotes_nothing_of_it() {
        for text in [
            r#"{"defaultAction": "s3cr3t"}"#,
            r#"{"defaultAction": 1, "s3cr3t": "#,
            "s3cr3t",
            r#"["s3cr3t"]"#,
        ] {
            let told = told(text);
            assert!(!told.contains("s3cr3t") && told.contains("it is not a seccomp profile"), "{told}");
        }
    }
}
