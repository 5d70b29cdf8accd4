//! `auth`: credentials for a registry, in a job's `config` as well as in the plugin's.

use driver_core::request::options::TaskOptions;
use driver_core::{Credentials, PluginConfig};

use super::entry::{Default, Entry, Kind, Origin};
use super::error::OptionError;
use super::reader::Reader;

/// The job's.
pub(super) const OF_TASK: Entry<TaskOptions> = Entry {
    names: &[("auth", Origin::GoDriver)],
    kind: Kind::Block(&KEYS_OF_TASK),
    default: Default::Unset("the plugin's"),
    description: "Credentials for the image's registry, used when the image is not on the node yet; see below.",
    read: |value, options| credentials(value, KEYS_OF_TASK).map(|given| options.auth = given),
};

/// The operator's.
pub(super) const OF_PLUGIN: Entry<PluginConfig> = Entry {
    names: &[("auth", Origin::GoDriver)],
    kind: Kind::Block(&KEYS_OF_PLUGIN),
    default: Default::Unset("none"),
    description: "Credentials for registries, used when the job has none; see below.",
    read: |value, config| credentials(value, KEYS_OF_PLUGIN).map(|given| config.auth = given),
};

/// What a block `auth` has. There is no Debug, as the password is in it.
#[derive(std::default::Default)]
struct Auth {
    username: String,
    password: String,
    server_address: String,
}

/// The options of a job's `auth`.
const KEYS_OF_TASK: &[Entry<Auth>] = &[
    USERNAME,
    PASSWORD,
    EMAIL,
    SERVER_ADDRESS,
    Entry {
        names: &[("tls_verify", Origin::Podman)],
        kind: Kind::Flag,
        default: Default::Value("true"),
        description: "TLS certificates are always verified; `false` is not supported.",
        read: |value, _| match value.flag()? {
            true => Ok(()),
            false => Err(value
                .refused("not supported; TLS certificates are always verified, so remove it or set true")),
        },
    },
];

/// The options of the plugin's `auth`.
const KEYS_OF_PLUGIN: &[Entry<Auth>] = &[
    USERNAME,
    PASSWORD,
    EMAIL,
    SERVER_ADDRESS,
    Entry {
        names: &[("config", Origin::Docker)],
        kind: Kind::Text,
        default: Default::Unset("none"),
        description: "Refused: Docker configuration files are not supported yet.",
        read: refused,
    },
    Entry {
        names: &[("helper", Origin::Docker)],
        kind: Kind::Text,
        default: Default::Unset("none"),
        description: "Refused: credential helpers are not supported yet.",
        read: refused,
    },
];

const USERNAME: Entry<Auth> = Entry {
    names: &[("username", Origin::GoDriver)],
    kind: Kind::Text,
    default: Default::Unset("none"),
    description: "The user name. Needs `password`.",
    read: |value, auth| value.text().map(|given| auth.username = given),
};

const PASSWORD: Entry<Auth> = Entry {
    names: &[("password", Origin::GoDriver)],
    kind: Kind::Text,
    default: Default::Unset("none"),
    description: "The password or access token. It is neither logged nor stored with the task.",
    read: |value, auth| value.secret().map(|given| auth.password = given),
};

const EMAIL: Entry<Auth> = Entry {
    names: &[("email", Origin::Docker)],
    kind: Kind::Text,
    default: Default::Unset("none"),
    description: "Accepted and not used: registries do not need it.",
    read: |value, _| value.text().map(drop),
};

const SERVER_ADDRESS: Entry<Auth> = Entry {
    names: &[("server_address", Origin::Docker)],
    kind: Kind::Text,
    default: Default::Unset("the registry of the image"),
    description: "The registry that the credentials are for, as `host` or `host:port`. They are sent to no other registry.",
    read: |value, auth| value.text().map(|given| auth.server_address = given),
};

fn refused(value: &Reader<'_>, _: &mut Auth) -> Result<(), OptionError> {
    match value.filled()? {
        None => Ok(()),
        Some(_) => {
            Err(value.refused("not supported yet; set username and password, here or in the job's auth"))
        }
    }
}

/// The credentials in the block, if it has any.
fn credentials(block: &Reader<'_>, keys: &[Entry<Auth>]) -> Result<Option<Credentials>, OptionError> {
    let mut auth = Auth::default();
    block.block(keys, &mut auth)?;
    let Auth { username, password, server_address } = auth;
    let refused = |key: &str, hint| {
        let option = format!("{}.{key}", block.option());
        Err(OptionError::Value { option, value: "[redacted]".to_owned(), hint })
    };
    match (username.is_empty(), password.is_empty()) {
        (true, true) => return Ok(None),
        (true, false) => {
            return refused("password", "needs a user; set auth.username too");
        }
        (false, true) => {
            return refused("username", "needs a password; set auth.password too");
        }
        (false, false) => {}
    }
    // What basic authentication cannot carry (RFC 7617, 2).
    if username.contains(|c: char| c == ':' || c.is_control()) {
        return refused("username", "must not contain colons or control characters");
    }
    // An address may have a user and a password in it.
    if server_address.contains('@') {
        return refused("server_address", "must be host or host:port, without a user");
    }
    if password.contains(char::is_control) {
        let hint = "must not contain control characters, such as a line break";
        return refused("password", hint);
    }
    Ok(Some(Credentials::new(username, password, server_address)))
}

#[cfg(test)]
#[path = "auth_tests.rs"]
mod tests;
