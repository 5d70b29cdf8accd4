//! What the client side reads of a plugin.

use nomad_host::plugin::LogLine;
use nomad_proto::handshake::HandshakeLine;

use crate::target::Target;

pub(crate) const OUTPUT: Target = Target {
    name: "output",
    run: output,
    seeds: || {
        let lines = [
            r#"{"@level":"warn","@message":"slow","@module":"driver","task":"web"}"#,
            "1|2|unix|/tmp/plugin1|grpc|",
            "1|2|unix|/tmp/plugin1|grpc||true",
            "thread panicked",
        ];
        lines.map(|line| line.as_bytes().to_vec()).to_vec()
    },
    longest: 1024,
};

/// A line of a log is kept whole whatever it is; a handshake reads back from how it is written.
fn output(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let text = text.lines().next().unwrap_or_default();
    let line = LogLine::read(text);
    assert_eq!(line.raw, text);
    match text.parse::<HandshakeLine>() {
        Ok(handshake) => {
            assert_eq!(handshake.to_string().parse().as_ref(), Ok(&handshake));
            true
        }
        Err(_) => !line.fields.is_empty(),
    }
}
