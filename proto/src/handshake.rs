//! How host and plugin find each other: the cookie, the environment and the one line on stdout.
//!
//! go-plugin's core protocol 1 and Nomad's plugin protocol 2.

use std::fmt;
use std::str::FromStr;

/// The environment variable that tells a plugin that a host started it.
pub const COOKIE_KEY: &str = "NOMAD_PLUGIN_MAGIC_COOKIE";

/// The value of [`COOKIE_KEY`], the same for all of Nomad's plugins.
pub const COOKIE_VALUE: &str = "e4327c2e01eabfd75a8a67adb114fb34a757d57eee7728d857a8cec6e91a7255";

/// go-plugin's own protocol version, the line's first field.
pub const CORE_VERSION: u32 = 1;

/// Nomad's plugin protocol version, the line's second field.
pub const APP_VERSION: u32 = 2;

/// The lowest and highest TCP port that a plugin may use where it has no Unix sockets.
pub const ENV_PORTS: [&str; 2] = ["PLUGIN_MIN_PORT", "PLUGIN_MAX_PORT"];

/// The protocol versions that the host speaks, with commas.
pub const ENV_VERSIONS: &str = "PLUGIN_PROTOCOL_VERSIONS";

/// The directory in which the plugin makes its socket.
pub const ENV_SOCKET_DIR: &str = "PLUGIN_UNIX_SOCKET_DIR";

/// The group, by name or number, that may connect to the socket.
pub const ENV_SOCKET_GROUP: &str = "PLUGIN_UNIX_SOCKET_GROUP";

/// Set by hosts that can carry further connections over the first one.
pub const ENV_MULTIPLEX: &str = "PLUGIN_MULTIPLEX_GRPC";

/// The name under which the health service reports a serving plugin.
pub const HEALTH_SERVICE: &str = "plugin";

/// The longest path of a Unix socket, in bytes, with room for the closing zero.
pub const MAX_SOCKET_PATH: usize = 107;

/// What the plugin writes as its only line on stdout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandshakeLine {
    /// go-plugin's protocol version.
    pub core: u32,
    /// The application's protocol version.
    pub app: u32,
    /// `unix` or `tcp`.
    pub network: String,
    /// The socket's path, or host and port.
    pub address: String,
    /// `grpc`; a line without this field means `netrpc`.
    pub protocol: String,
    /// The server's certificate in base64; empty for plaintext.
    pub certificate: String,
    /// Whether further connections go over the first one; absent in older hosts' form of the line.
    pub multiplex: Option<bool>,
}

/// Why a line is no handshake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// Fewer than four or more than seven fields.
    #[error("the handshake has {found} fields instead of 4 to 7: {line:?}")]
    Fields {
        /// How many.
        found: usize,
        /// The line as read.
        line: String,
    },
    /// A field that is not what its place asks for.
    #[error("the handshake's {field} is {value:?}")]
    Field {
        /// The field's name.
        field: &'static str,
        /// Its text.
        value: String,
    },
}

impl HandshakeLine {
    /// The line of a plaintext gRPC server on a Unix socket.
    ///
    /// # Errors
    /// [`HandshakeError::Field`] when the path holds a separator, a control character, or is longer
    /// than [`MAX_SOCKET_PATH`].
    pub fn unix(path: &str) -> Result<Self, HandshakeError> {
        if path.is_empty()
            || path.len() > MAX_SOCKET_PATH
            || path.contains(|c: char| c == '|' || c.is_control())
        {
            return Err(HandshakeError::Field { field: "address", value: path.to_owned() });
        }
        Ok(Self {
            core: CORE_VERSION,
            app: APP_VERSION,
            network: "unix".to_owned(),
            address: path.to_owned(),
            protocol: "grpc".to_owned(),
            certificate: String::new(),
            multiplex: None,
        })
    }
}

impl fmt::Display for HandshakeLine {
    /// Without the line feed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { core, app, network, address, protocol, certificate, multiplex } = self;
        write!(f, "{core}|{app}|{network}|{address}|{protocol}|{certificate}")?;
        match multiplex {
            Some(value) => write!(f, "|{value}"),
            None => Ok(()),
        }
    }
}

impl FromStr for HandshakeLine {
    type Err = HandshakeError;

    /// Reads a line, with or without its line feed.
    fn from_str(line: &str) -> Result<Self, HandshakeError> {
        let line = line.strip_suffix('\n').unwrap_or(line);
        let fields: Vec<&str> = line.split('|').collect();
        if !(4..=7).contains(&fields.len()) {
            return Err(HandshakeError::Fields { found: fields.len(), line: line.to_owned() });
        }
        let field = |index: usize| fields.get(index).copied();
        let bad = |field, value: &str| HandshakeError::Field { field, value: value.to_owned() };
        let number = |index, name| {
            let text = field(index).unwrap_or_default();
            text.parse().map_err(|_| bad(name, text))
        };
        let multiplex = match field(6) {
            None | Some("") => None,
            Some(text) => Some(text.parse().map_err(|_| bad("multiplexing", text))?),
        };
        Ok(Self {
            core: number(0, "core version")?,
            app: number(1, "application version")?,
            network: field(2).unwrap_or_default().to_owned(),
            address: field(3).unwrap_or_default().to_owned(),
            protocol: field(4).unwrap_or("netrpc").to_owned(),
            certificate: field(5).unwrap_or_default().to_owned(),
            multiplex,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_line_is_exact_to_the_byte() {
        let line = HandshakeLine::unix("/tmp/plugin123").unwrap();
        assert_eq!(format!("{line}\n"), "1|2|unix|/tmp/plugin123|grpc|\n");
    }

    #[test]
    fn go_plugins_forms_are_read() {
        let line: HandshakeLine = "1|2|tcp|127.0.0.1:1234\n".parse().unwrap();
        assert_eq!((line.protocol.as_str(), line.multiplex), ("netrpc", None));
        let line: HandshakeLine = "1|2|unix|/tmp/p|grpc||true".parse().unwrap();
        assert_eq!(line.multiplex, Some(true));
        let line: HandshakeLine = "1|2|unix|/tmp/p|grpc|".parse().unwrap();
        assert_eq!(line, HandshakeLine::unix("/tmp/p").unwrap());
    }

    #[test]
    fn what_is_no_handshake_is_refused_with_its_reason() {
        let text = |line: &str| line.parse::<HandshakeLine>().unwrap_err().to_string();
        let texts = [text("hello"), text("x|2|unix|/tmp/p"), text("1|2|unix|/tmp/p|grpc||maybe")];
        expect_test::expect![[r#"
            [
                "the handshake has 1 fields instead of 4 to 7: \"hello\"",
                "the handshake's core version is \"x\"",
                "the handshake's multiplexing is \"maybe\"",
            ]
        "#]]
        .assert_debug_eq(&texts);
    }

    #[test]
    fn a_path_that_would_break_the_line_is_refused() {
        for path in ["", "/tmp/a|b", "/tmp/a\nb", &format!("/{}", "a".repeat(MAX_SOCKET_PATH))] {
            assert!(HandshakeLine::unix(path).is_err(), "{path:?}");
        }
        assert!(HandshakeLine::unix(&format!("/{}", "a".repeat(MAX_SOCKET_PATH - 1))).is_ok());
    }

    proptest! {
        #[test]
        fn every_line_reads_back(core: u32, app: u32, network in "unix|tcp", address in "[^|\n]{1,50}",
                                 protocol in "grpc|netrpc", certificate in "[A-Za-z0-9+/]{0,40}",
                                 multiplex in prop::option::of(any::<bool>())) {
            let line = HandshakeLine { core, app, network, address, protocol, certificate, multiplex };
            prop_assert_eq!(line.to_string().parse::<HandshakeLine>().unwrap(), line);
        }
    }
}
