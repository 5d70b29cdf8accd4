//! The valid documents that are damaged, and the words of their languages.

use nomad_proto::cty::{self, Value};

use crate::mutation::Corpus;

/// Configurations of tasks and of the plugin, as clients send them.
pub(crate) fn msgpack() -> Corpus {
    let documents = [task(), plugin(), shapes(), Value::Nil, Value::from([("image", "busybox")])];
    let words: &[&[u8]] = &[
        // Lengths and counts that nothing follows: text, bytes, list, map, extension.
        b"\xdb\xff\xff\xff\xff",
        b"\xda\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\xdd\xff\xff\xff\xff",
        b"\xdd\x00\x10\x00\x00",
        b"\xdf\xff\xff\xff\xff",
        b"\xdf\x00\x10\x00\x00",
        b"\xc9\xff\xff\xff\xff\x00",
        // Values that are not known yet, and a type that there is not.
        b"\xd4\x00\x00",
        b"\xc7\x01\x0c\x80",
        b"\xc1",
        b"\xc0",
        // Numbers at the ends of their ranges, and what is none.
        b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xd3\x80\x00\x00\x00\x00\x00\x00\x00",
        b"\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00",
        b"\xcb\xff\xf0\x00\x00\x00\x00\x00\x00",
        b"\xcb\x7f\xef\xff\xff\xff\xff\xff\xff",
        b"\xa3\xff\xfe\xfd",
        b"\xa8sysctl\x00\x00",
        b"\xa6mounts\x91\x81",
        b"\xa7devices",
    ];
    Corpus {
        documents: documents.iter().map(|value| cty::encode(value).unwrap()).collect(),
        words: owned(words),
        openings: owned(&[b"\x91", b"\x81\xa1a", b"\xdc\x00\x01", b"\xde\x00\x01\xa1a", b"\x81"]),
    }
}

/// Profiles in docker's form and in the runtime spec's.
pub(crate) fn profiles() -> Corpus {
    let documents: [&[u8]; 4] = [
        include_bytes!("../../../oci-builder/src/seccomp/default.json"),
        include_bytes!("../../../oci-builder/tests/seccomp/conditions.json"),
        br#"{"defaultAction": "SCMP_ACT_ALLOW"}"#,
        br#"{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1, "architectures": ["SCMP_ARCH_X86_64"],
            "flags": ["SECCOMP_FILTER_FLAG_LOG"], "listenerPath": "/run/x.sock", "listenerMetadata": "m",
            "syscalls": [{"names": ["clone"], "action": "SCMP_ACT_NOTIFY", "errnoRet": 38, "args":
                [{"index": 5, "value": 2080505856, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]}]}"#,
    ];
    let words: &[&[u8]] = &[
        br#""defaultAction":"#,
        br#""archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": null}],"#,
        br#""syscalls": [],"#,
        br#""includes": {"caps": ["CAP_SYS_ADMIN"], "minKernel": "4.8", "arches": ["amd64"]},"#,
        br#""excludes": {"minKernel": "99999.0"},"#,
        br#""name": "","#,
        b"null",
        b"[]",
        b"{}",
        b"-1",
        b"18446744073709551616",
        b"1e999",
        br#""\ud800""#,
        b"\"\\u0000\"",
        b"\xff\xfe",
        b",",
        b"\"",
    ];
    Corpus {
        documents: documents.iter().map(|document| document.to_vec()).collect(),
        words: owned(words),
        openings: owned(&[b"[", br#"{"a":"#, br#"{"syscalls":["#, b"{\"names\":[["]),
    }
}

fn owned(words: &[&[u8]]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.to_vec()).collect()
}

fn task() -> Value {
    let mount = Value::from([
        ("type", Value::from("tmpfs")),
        ("target", "/scratch".into()),
        ("options", vec!["size=1m", "mode=0700"].into()),
        ("tmpfs_options", Value::List(vec![[("size", Value::from(1024)), ("mode", 448.into())].into()])),
    ]);
    Value::from([
        ("image", Value::from("docker.io/library/redis:7")),
        ("image_pull_timeout", "1h30m".into()),
        ("auth", [("username", "alice"), ("password", "hunter2")].into()),
        ("command", "redis-server".into()),
        ("args", Value::List(vec!["--port".into(), 6379.into()])),
        ("entrypoint", "/init".into()),
        ("cwd", Value::Nil),
        ("privileged", true.into()),
        ("sysctl", Value::List(vec![[("net.core.somaxconn", Value::from(16_384))].into()])),
        ("shm_size", 67_108_864.into()),
        ("pids_limit", 100.into()),
        ("cap_add", vec!["net_admin", "CAP_CHOWN"].into()),
        ("devices", Value::List(vec!["/dev/fuse:r".into(), [("host_path", "/dev/kmsg")].into()])),
        ("mounts", Value::List(vec![mount])),
    ])
}

fn plugin() -> Value {
    Value::from([
        ("enabled", Value::from(true)),
        ("containerd_addr", "unix:///run/containerd/containerd.sock".into()),
        ("stats_interval", "5s".into()),
        ("security", "strict".into()),
        ("allow_caps", vec!["all"].into()),
        ("allowed_modes", Value::List(vec![[("pid", Value::List(Vec::new()))].into()])),
        ("volumes", [("enabled", false)].into()),
    ])
}

/// Every kind of value, in every depth up to four.
fn shapes() -> Value {
    let leaves = vec![
        Value::Nil,
        Value::from(false),
        Value::from(i64::MIN),
        Value::Float(0.5),
        Value::Decimal("18446744073709551615".to_owned()),
        Value::from("text"),
        Value::Bytes(vec![0xff, 0xfe]),
    ];
    let one = Value::List(leaves);
    let two = Value::from([("a", one.clone()), ("b", one)]);
    Value::List(vec![two.clone(), Value::from([("c", two)])])
}
