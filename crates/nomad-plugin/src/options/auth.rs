//! `auth`: credentials for a registry, in a job's `config` as well as in the plugin's.

use driver_core::Credentials;

use super::reader::{OptionError, Reader};
use super::{Default, Entry, Kind, Peer};

/// The job's.
pub(super) const OF_TASK: Entry = Entry {
    name: "auth",
    kind: Kind::Block(KEYS_OF_TASK),
    default: Default::Unset("the plugin's"),
    since: Peer::Containerd,
    effect: "Credentials for the image's registry, where the node has the image not yet; see below.",
};

/// The operator's.
pub(super) const OF_PLUGIN: Entry = Entry {
    kind: Kind::Block(KEYS_OF_PLUGIN),
    default: Default::Unset("none"),
    effect: "Credentials for registries where the job has none of its own; see below.",
    ..OF_TASK
};

/// The options of a job's `auth`.
const KEYS_OF_TASK: &[Entry] = &[
    USERNAME,
    PASSWORD,
    EMAIL,
    SERVER_ADDRESS,
    Entry {
        name: "tls_verify",
        kind: Kind::Flag,
        default: Default::Value("true"),
        since: Peer::Podman,
        effect: "`true` is how it is: a registry's certificate is always checked; `false` is refused.",
    },
];

/// The options of the plugin's `auth`.
const KEYS_OF_PLUGIN: &[Entry] = &[
    USERNAME,
    PASSWORD,
    EMAIL,
    SERVER_ADDRESS,
    Entry {
        name: "config",
        kind: Kind::Text,
        default: Default::Unset("none"),
        since: Peer::Docker,
        effect: "Refused: credentials of a docker configuration file are not supported yet.",
    },
    Entry {
        name: "helper",
        kind: Kind::Text,
        default: Default::Unset("none"),
        since: Peer::Docker,
        effect: "Refused: credentials of a helper program are not supported yet.",
    },
];

const USERNAME: Entry = Entry {
    name: "username",
    kind: Kind::Text,
    default: Default::Unset("none"),
    since: Peer::Containerd,
    effect: "The user; together with `password`.",
};

const PASSWORD: Entry = Entry {
    name: "password",
    kind: Kind::Text,
    default: Default::Unset("none"),
    since: Peer::Containerd,
    effect: "The user's password or access token; it is neither logged nor kept with the task.",
};

const EMAIL: Entry = Entry {
    name: "email",
    kind: Kind::Text,
    default: Default::Unset("none"),
    since: Peer::Docker,
    effect: "Accepted and not used: no registry asks for it.",
};

const SERVER_ADDRESS: Entry = Entry {
    name: "server_address",
    kind: Kind::Text,
    default: Default::Unset("the registry of the image"),
    since: Peer::Docker,
    effect: "The one registry that they are for, as `host` or `host:port`; they are sent to no other.",
};

/// The credentials in a job's block `auth`, if it has any.
pub(super) fn of_task(block: &mut Reader) -> Result<Option<Credentials>, OptionError> {
    if block.flag("auth.tls_verify")? == Some(false) {
        let accepted = "not supported yet; true is accepted, with which a registry's certificate is checked";
        return Err(block.refused("auth.tls_verify", accepted));
    }
    read(block)
}

/// The credentials in the plugin's block `auth`, if it has any.
pub(super) fn of_plugin(block: &mut Reader) -> Result<Option<Credentials>, OptionError> {
    for option in ["auth.config", "auth.helper"] {
        if block.filled(option)?.is_some() {
            let accepted = "not supported yet; username and password are accepted, here or in a job's auth";
            return Err(block.refused(option, accepted));
        }
    }
    read(block)
}

/// What both have.
fn read(block: &mut Reader) -> Result<Option<Credentials>, OptionError> {
    let user = block.text("auth.username")?.unwrap_or_default();
    let password = block.secret("auth.password")?.unwrap_or_default();
    let server = block.text("auth.server_address")?.unwrap_or_default();
    block.text("auth.email")?;
    match (user.is_empty(), password.is_empty()) {
        (true, true) => return Ok(None),
        (true, false) => {
            return Err(block
                .refused_secret("auth.password", "a password with its user in auth.username is accepted"));
        }
        (false, true) => {
            return Err(
                block.refused_secret("auth.username", "a user with a password in auth.password is accepted")
            );
        }
        (false, false) => {}
    }
    // What basic authentication can not carry (RFC 7617, 2).
    if user.contains(|c: char| c == ':' || c.is_control()) {
        let accepted = "a user without colons and control characters is accepted";
        return Err(block.refused_secret("auth.username", accepted));
    }
    // An address may have a user and a password in it.
    if server.contains('@') {
        let accepted = "a registry as host or host:port, without a user, is accepted";
        return Err(block.refused_secret("auth.server_address", accepted));
    }
    if password.contains(char::is_control) {
        let accepted = "a password without control characters, such as the end of a line, is accepted";
        return Err(block.refused_secret("auth.password", accepted));
    }
    Ok(Some(Credentials::new(user, password, server)))
}

#[cfg(test)]
#[path = "auth_tests.rs"]
mod tests;
