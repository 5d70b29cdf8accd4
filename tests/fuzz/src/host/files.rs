//! resolv.conf and hosts.

use std::net::IpAddr;

use linux_host::hosts::{self, HostEntry};
use linux_host::resolv::ResolvConf;

use crate::target::Target;

pub(crate) const RESOLV: Target = Target {
    name: "resolv",
    run: |bytes| {
        let conf = ResolvConf::parse(&String::from_utf8_lossy(bytes));
        let written = conf.render();
        assert_eq!(ResolvConf::parse(&written), conf, "{written:?}");
        let other = ResolvConf { servers: vec!["192.0.2.1".into()], ..ResolvConf::default() };
        assert!(!conf.clone().or_from(other).servers.is_empty());
        conf != ResolvConf::default()
    },
    seeds: || {
        let text = b"# stub\nnameserver 127.0.0.53\nnameserver fe80::1%eth0\noptions edns0 trust-ad\nsearch lan a.b\ndomain x\n";
        vec![text.to_vec()]
    },
    longest: 2048,
};

pub(crate) const HOSTS: Target = Target {
    name: "hosts",
    run: |bytes| {
        let entry = |names: &str| HostEntry {
            address: IpAddr::from([192, 0, 2, 1]),
            names: names.split_ascii_whitespace().map(str::to_owned).collect(),
        };
        let appended = hosts::append(bytes.to_vec(), &[entry("a b")]);
        assert!(appended.starts_with(bytes));
        // What is there before cannot take the new line into one of its own.
        assert!(appended.ends_with(b"\n192.0.2.1\ta b\n") || appended == b"192.0.2.1\ta b\n");
        assert_eq!(hosts::append(bytes.to_vec(), &[]), bytes);
        bytes.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"127.0.0.1"))
    },
    seeds: || vec![b"127.0.0.1\tlocalhost\n# c\n::1 localhost".to_vec(), b"127.0.0.1 a\r\n\0".to_vec()],
    longest: 1024,
};
