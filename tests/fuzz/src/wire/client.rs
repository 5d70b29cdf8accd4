//! What the client side reads: records of its own, and what plugins write.

use nomad_host::owner::Record;
use nomad_host::plugin::LogLine;
use nomad_proto::handshake::HandshakeLine;

use crate::target::Target;

pub(crate) const RECORD: Target = Target {
    name: "record",
    run: |bytes| {
        let Ok(record) = Record::read(bytes) else { return false };
        let written = record.write().unwrap();
        assert_eq!(Record::read(&written).unwrap(), record);
        let _damaged = record.plugin_config();
        record.tasks.iter().for_each(|task| {
            let _damaged = (task.handle(), task.start());
        });
        true
    },
    seeds: || {
        let mut record = Record::default();
        record.set_plugin_config(b"\x80");
        record
            .set_starting(&nomad_proto::pb::driver::TaskConfig { id: "a/b/c".into(), ..Default::default() });
        let seed = br#"{"version":1,"pid":7,"plugin":{"pid":8,"start_time":9,"boot_id":"b","socket":"/s"},
            "plugin_config":"gA==","alloc_dir":"/a","cgroups":["/c"],"tasks":[{"id":"t","handle":"CAE=","start":"CgFh"}]}"#;
        vec![record.write().unwrap(), seed.to_vec()]
    },
    longest: 2048,
};

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
