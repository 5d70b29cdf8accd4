//! A user and a password for a registry.

use std::fmt;

/// Who asks a registry for images. Debug tells the user and the registry, never the password, and nothing else prints
/// it; it is not kept with a task.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Credentials {
    user: String,
    password: String,
    server: String,
}

impl Credentials {
    /// Credentials for the registry `server`, as `auth.server_address` names it; empty for whichever registry an image
    /// is from.
    pub fn new(user: impl Into<String>, password: impl Into<String>, server: impl Into<String>) -> Self {
        Self { user: user.into(), password: password.into(), server: server.into() }
    }

    /// The user's name.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The password, for the registry alone.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The registry that they are for as it was written, or empty.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, password: _, server } = self;
        f.debug_struct("Credentials").field("user", user).field("server", server).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::ImageRequest;
    use crate::request::config::PluginConfig;
    use crate::request::options::TaskOptions;

    #[test]
    fn nothing_that_carries_the_password_shows_it() {
        let auth = Credentials::new("alice", "hunter2", "registry.example.com");
        expect_test::expect![[r#"Credentials { user: "alice", server: "registry.example.com", .. }"#]]
            .assert_eq(&format!("{auth:?}"));
        let texts = [
            format!("{:#?}", TaskOptions { auth: Some(auth.clone()), ..TaskOptions::default() }),
            format!("{:#?}", PluginConfig { auth: Some(auth.clone()), ..PluginConfig::default() }),
            format!(
                "{:#?}",
                ImageRequest {
                    reference: "a".into(),
                    timeout: std::time::Duration::ZERO,
                    credentials: vec![auth]
                }
            ),
        ];
        for text in texts {
            assert!(text.contains("alice") && !text.contains("hunter2"), "{text}");
        }
    }
}
