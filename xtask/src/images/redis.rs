//! The demo's redis image, from the distribution's own packages.

use std::path::PathBuf;

use anyhow::Result;
use serde_json::json;

use super::busybox::Busybox;
use super::catalog::Image;
use super::deb;
use super::oci::{Archive, Packing, host_arch};
use super::tree::{Rights, Tree, root};

const REDIS: Rights = Rights { mode: 0o755, uid: 999, gid: 999 };

/// Started without a program of its own, or with options only, it is the server.
const ENTRYPOINT: &str = "#!/bin/sh\n\
    case \"$1\" in '' | -* | *.conf) set -- redis-server \"$@\" ;; esac\n\
    exec \"$@\"\n";

/// The image under the name that the example job uses.
///
/// # Errors
/// A package can not be read or the archive not be written.
pub(crate) fn image(busybox: &Busybox, debs: &[PathBuf]) -> Result<Image> {
    let reference = "docker.io/library/redis:7".to_owned();
    let mut tree = Tree::default();
    busybox.add(&mut tree, "usr/bin");
    deb::add(&mut tree, debs)?;
    for name in ["redis-server", "redis-cli", "redis-benchmark"] {
        tree.link(&format!("usr/local/bin/{name}"), &format!("../../bin/{name}"));
    }
    tree.file("usr/local/bin/docker-entrypoint.sh", root(0o755), ENTRYPOINT);
    tree.file(
        "etc/passwd",
        root(0o644),
        "root:x:0:0:root:/root:/bin/sh\nredis:x:999:999::/data:/bin/false\n",
    );
    tree.file("etc/group", root(0o644), "root:x:0:\nredis:x:999:\n");
    for dir in ["dev", "proc", "sys", "run"] {
        tree.dir(dir, root(0o755));
    }
    tree.dir("root", root(0o700));
    tree.dir("tmp", root(0o1777));
    tree.dir("data", REDIS);
    let config = json!({
        "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
        "Entrypoint": ["docker-entrypoint.sh"],
        "Cmd": ["redis-server"],
        "WorkingDir": "/data",
        "ExposedPorts": { "6379/tcp": {} },
        "Volumes": { "/data": {} },
    });
    let mut archive = Archive::default();
    let top = archive.image(&[tree], Packing::Gzip, &config, host_arch())?;
    Ok(Image {
        name: "redis",
        about: "a redis server and its client, as the example job wants them",
        archive: archive.finish(top, &reference)?,
        reference,
    })
}
