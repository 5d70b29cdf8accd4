//! `devices`: a device as a job names it, before the host's node was looked at.

use std::path::PathBuf;

use crate::DevicePermissions;

/// A device of the host that a task asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRequest {
    /// Absolute path on the host.
    pub host_path: PathBuf,
    /// Absolute path in the container.
    pub task_path: PathBuf,
    /// What the task may do with it.
    pub permissions: DevicePermissions,
}

/// A device that is not named as one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceRequestError {
    /// The text has none of the forms.
    #[error(
        "devices: {value:?} does not name a device \
         (accepted: /dev/x, /dev/x:rw, /dev/x:/dev/y or /dev/x:/dev/y:rwm, with absolute paths without .., \
         or vendor.com/class=name)"
    )]
    Form {
        /// The text.
        value: String,
    },
    /// The permissions are not made of the controller's letters.
    #[error(
        "devices: {value:?} are not permissions of a device (accepted: letters of r, w and m, each once)"
    )]
    Permissions {
        /// The permissions as they were given.
        value: String,
    },
}

impl DeviceRequest {
    /// Reads `/dev/x`, `/dev/x:rwm`, `/dev/x:/dev/y` and `/dev/x:/dev/y:rwm`: the shapes of the Go containerd driver,
    /// of podman and of docker's command line.
    ///
    /// # Errors
    /// [`DeviceRequestError`].
    pub fn from_text(text: &str) -> Result<Self, DeviceRequestError> {
        let form = || DeviceRequestError::Form { value: text.to_owned() };
        let parts: Vec<&str> = text.split(':').collect();
        match parts.as_slice() {
            [host] => Self::from_parts(host, "", ""),
            [host, second] if second.starts_with('/') => Self::from_parts(host, second, ""),
            [host, permissions] if !permissions.is_empty() => Self::from_parts(host, "", permissions),
            [host, task, permissions] if !task.is_empty() && !permissions.is_empty() => {
                Self::from_parts(host, task, permissions)
            }
            _ => Err(form()),
        }
        .map_err(|error| match error {
            DeviceRequestError::Form { .. } => form(),
            DeviceRequestError::Permissions { .. } => error,
        })
    }

    /// The parts of docker's block: without a path in the container it is the host's, without permissions they are
    /// all.
    ///
    /// # Errors
    /// [`DeviceRequestError`].
    pub fn from_parts(
        host_path: &str,
        container_path: &str,
        cgroup_permissions: &str,
    ) -> Result<Self, DeviceRequestError> {
        let container_path = if container_path.is_empty() { host_path } else { container_path };
        for path in [host_path, container_path] {
            if !is_path(path) {
                return Err(DeviceRequestError::Form { value: path.to_owned() });
            }
        }
        Ok(Self {
            host_path: host_path.into(),
            task_path: container_path.into(),
            permissions: DevicePermissions::from_letters(cgroup_permissions)
                .ok_or_else(|| DeviceRequestError::Permissions { value: cgroup_permissions.to_owned() })?,
        })
    }
}

fn is_path(path: &str) -> bool {
    path.starts_with('/') && !path.contains('\0') && path.split('/').all(|part| part != "..")
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proptest::prelude::*;

    use super::DeviceRequest;
    use crate::DevicePermissions;

    fn read(text: &str) -> String {
        match DeviceRequest::from_text(text) {
            Ok(DeviceRequest { host_path, task_path, permissions }) => {
                format!("{} at {} for {}", host_path.display(), task_path.display(), permissions.letters())
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn every_shape_is_read() {
        expect!["/dev/fuse at /dev/fuse for rwm"].assert_eq(&read("/dev/fuse"));
        expect!["/dev/fuse at /dev/fuse for r"].assert_eq(&read("/dev/fuse:r"));
        expect!["/dev/sda at /dev/xvda for rwm"].assert_eq(&read("/dev/sda:/dev/xvda"));
        expect!["/dev/sda at /dev/xvda for rm"].assert_eq(&read("/dev/sda:/dev/xvda:mr"));
    }

    #[test]
    fn other_texts_are_refused() {
        expect![[r#"devices: "fuse" does not name a device (accepted: /dev/x, /dev/x:rw, /dev/x:/dev/y or /dev/x:/dev/y:rwm, with absolute paths without .., or vendor.com/class=name)"#]].assert_eq(&read("fuse"));
        expect![[
            r#"devices: "rx" are not permissions of a device (accepted: letters of r, w and m, each once)"#
        ]]
        .assert_eq(&read("/dev/fuse:/dev/fuse:rx"));
        for text in
            ["", "/dev/../etc", "/a:", ":/a", "/a::", "/a::r", "/a:/b:", "/a:/b:r:w", "/a:rr", "/a:b", "/a\0"]
        {
            assert!(DeviceRequest::from_text(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn what_dockers_block_leaves_out_has_its_defaults() {
        let request = DeviceRequest::from_parts("/dev/kvm", "", "").unwrap();
        assert_eq!(request.task_path, request.host_path);
        assert_eq!(request.permissions, DevicePermissions::ALL);
    }

    proptest! {
        #[test]
        fn every_part_arrives(
            host in "(/[a-z.]{3,5}){1,3}",
            task in prop::option::of("(/[a-z.]{3,5}){1,3}"),
            letters in prop::sample::select(vec!["", "r", "w", "m", "rw", "rm", "wm", "rwm"]),
        ) {
            let given = [Some(host.as_str()), task.as_deref(), Some(letters).filter(|letters| !letters.is_empty())];
            let text = given.into_iter().flatten().collect::<Vec<_>>().join(":");
            let DeviceRequest { host_path, task_path, permissions } = DeviceRequest::from_text(&text).unwrap();
            prop_assert_eq!(host_path.to_str(), Some(host.as_str()));
            prop_assert_eq!(task_path.to_str(), Some(task.as_deref().unwrap_or(&host)));
            prop_assert_eq!(permissions.letters(), if letters.is_empty() { "rwm" } else { letters });
        }

        #[test]
        fn whatever_is_read_has_absolute_paths_that_do_not_climb(text in "[/.a:rwm]{0,12}") {
            if let Ok(DeviceRequest { host_path, task_path, .. }) = DeviceRequest::from_text(&text) {
                for path in [host_path, task_path] {
                    prop_assert!(path.is_absolute() && !path.components().any(|part| part.as_os_str() == ".."));
                }
            }
        }
    }
}
