//! `auth`: credentials for a registry, in a job's `config` as well as in the plugin's.

use driver_core::Credentials;

use super::reader::{OptionError, Reader};
use super::{Default, Entry, Kind, Peer};

/// The job's.
pub(super) const OF_TASK: Entry = Entry {
    name: "auth",
    kind: Kind::Block(AUTH),
    default: Default::Unset("the plugin's"),
    since: Peer::Containerd,
    effect: "Credentials for the image's registry, where the node has the image not yet; see below.",
};

/// The operator's.
pub(super) const OF_PLUGIN: Entry = Entry {
    default: Default::Unset("none"),
    effect: "Credentials for registries where the job has none of its own; see below.",
    ..OF_TASK
};

/// The options of `auth`.
const AUTH: &[Entry] = &[
    Entry {
        name: "username",
        kind: Kind::Text,
        default: Default::Unset("none"),
        since: Peer::Containerd,
        effect: "The user; together with `password`.",
    },
    Entry {
        name: "password",
        kind: Kind::Text,
        default: Default::Unset("none"),
        since: Peer::Containerd,
        effect: "The user's password or access token; it is neither logged nor kept with the task.",
    },
    Entry {
        name: "email",
        kind: Kind::Text,
        default: Default::Unset("none"),
        since: Peer::Docker,
        effect: "Accepted and not used: no registry asks for it.",
    },
    Entry {
        name: "server_address",
        kind: Kind::Text,
        default: Default::Unset("the registry of the image"),
        since: Peer::Docker,
        effect: "The one registry that they are for, as `host` or `host:port`; they are sent to no other.",
    },
];

/// The credentials in the block `auth`, if it has any.
pub(super) fn read(reader: &mut Reader) -> Result<Option<Credentials>, OptionError> {
    read_block(&mut reader.block("auth")?)
}

/// The same of the block itself.
pub(super) fn read_block(block: &mut Reader) -> Result<Option<Credentials>, OptionError> {
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
