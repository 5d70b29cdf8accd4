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
    description: "Credentials for the image's registry, where the node has the image not yet; see below.",
    read: |value, options| credentials(value, KEYS_OF_TASK).map(|given| options.auth = given),
};

/// The operator's.
pub(super) const OF_PLUGIN: Entry<PluginConfig> = Entry {
    names: &[("auth", Origin::GoDriver)],
    kind: Kind::Block(&KEYS_OF_PLUGIN),
    default: Default::Unset("none"),
    description: "Credentials for registries where the job has none of its own; see below.",
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
        description: "`true` is how it is: a registry's certificate is always checked; `false` is refused.",
        read: |value, _| match value.flag()? {
            true => Ok(()),
            false => Err(value.refused(
                "not supported yet; true is accepted, with which a registry's certificate is checked",
            )),
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
        description: "Refused: credentials of a docker configuration file are not supported yet.",
        read: refused,
    },
    Entry {
        names: &[("helper", Origin::Docker)],
        kind: Kind::Text,
        default: Default::Unset("none"),
        description: "Refused: credentials of a helper program are not supported yet.",
        read: refused,
    },
];

const USERNAME: Entry<Auth> = Entry {
    names: &[("username", Origin::GoDriver)],
    kind: Kind::Text,
    default: Default::Unset("none"),
    description: "The user; together with `password`.",
    read: |value, auth| value.text().map(|given| auth.username = given),
};

const PASSWORD: Entry<Auth> = Entry {
    names: &[("password", Origin::GoDriver)],
    kind: Kind::Text,
    default: Default::Unset("none"),
    description: "The user's password or access token; it is neither logged nor kept with the task.",
    read: |value, auth| value.secret().map(|given| auth.password = given),
};

const EMAIL: Entry<Auth> = Entry {
    names: &[("email", Origin::Docker)],
    kind: Kind::Text,
    default: Default::Unset("none"),
    description: "Accepted and not used: no registry asks for it.",
    read: |value, _| value.text().map(drop),
};

const SERVER_ADDRESS: Entry<Auth> = Entry {
    names: &[("server_address", Origin::Docker)],
    kind: Kind::Text,
    default: Default::Unset("the registry of the image"),
    description: "The one registry that they are for, as `host` or `host:port`; they are sent to no other.",
    read: |value, auth| value.text().map(|given| auth.server_address = given),
};

fn refused(value: &Reader<'_>, _: &mut Auth) -> Result<(), OptionError> {
    match value.filled()? {
        None => Ok(()),
        Some(_) => {
            Err(value
                .refused("not supported yet; username and password are accepted, here or in a job's auth"))
        }
    }
}

/// The credentials in the block, if it has any.
fn credentials(block: &Reader<'_>, keys: &[Entry<Auth>]) -> Result<Option<Credentials>, OptionError> {
    let mut auth = Auth::default();
    block.block(keys, &mut auth)?;
    let Auth { username, password, server_address } = auth;
    let refused = |key: &str, accepted| {
        let option = format!("{}.{key}", block.option());
        Err(OptionError::Value { option, value: "[redacted]".to_owned(), accepted })
    };
    match (username.is_empty(), password.is_empty()) {
        (true, true) => return Ok(None),
        (true, false) => {
            return refused("password", "a password with its user in auth.username is accepted");
        }
        (false, true) => {
            return refused("username", "a user with a password in auth.password is accepted");
        }
        (false, false) => {}
    }
    // What basic authentication can not carry (RFC 7617, 2).
    if username.contains(|c: char| c == ':' || c.is_control()) {
        return refused("username", "a user without colons and control characters is accepted");
    }
    // An address may have a user and a password in it.
    if server_address.contains('@') {
        return refused("server_address", "a registry as host or host:port, without a user, is accepted");
    }
    if password.contains(char::is_control) {
        let accepted = "a password without control characters, such as the end of a line, is accepted";
        return refused("password", accepted);
    }
    Ok(Some(Credentials::new(username, password, server_address)))
}

#[cfg(test)]
#[path = "auth_tests.rs"]
mod tests;
