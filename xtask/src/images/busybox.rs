//! The test image: a static busybox with its applets and some users, in several forms.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::catalog::Image;
use super::oci::{Archive, Packing, host_arch};
use super::tree::{Rights, Tree, root};
use super::{deb, docker};
use crate::process;

const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\n\
    daemon:x:1:1:daemon:/:/bin/false\n\
    app:x:1000:1000:app:/home/app:/bin/sh\n\
    svc:x:1001:2000:a user whose group has another name:/home/svc:/bin/sh\n\
    nobody:x:65534:65534:nobody:/:/bin/false\n";

const GROUP: &str = "root:x:0:\n\
    daemon:x:1:\n\
    video:x:44:app\n\
    staff:x:50:app,svc\n\
    app:x:1000:\n\
    workers:x:2000:\n\
    nogroup:x:65534:\n";

const APP: Rights = Rights { mode: 0o755, uid: 1000, gid: 1000 };

/// The program and the names of its applets.
pub(crate) struct Busybox {
    program: Vec<u8>,
    applets: Vec<String>,
}

impl Busybox {
    /// Reads the program out of its package and asks it for its applets.
    ///
    /// # Errors
    /// The package lacks the program, or it does not run.
    pub(crate) fn from_package(debs: &[PathBuf]) -> Result<Self> {
        let program = deb::file(debs, "bin/busybox")?;
        // It takes its own file name for that of an applet.
        let dir = tempfile::tempdir().context("can not make a temporary directory")?;
        let path = dir.path().join("busybox");
        std::fs::write(&path, &program).context("can not write busybox")?;
        std::fs::set_permissions(&path, Permissions::from_mode(0o700))?;
        let said = process::text(Command::new(&path).arg("--list"))?;
        let applets = said.lines().filter(|name| *name != "busybox").map(str::to_owned).collect();
        Ok(Self { program, applets })
    }

    /// Adds the program as `<dir>/busybox` and a link for each applet that is not there already.
    pub(crate) fn add(&self, tree: &mut Tree, dir: &str) {
        tree.file(&format!("{dir}/busybox"), root(0o755), self.program.clone());
        for applet in &self.applets {
            tree.link(&format!("{dir}/{applet}"), "busybox");
        }
    }
}

/// The files of the test image.
fn tree(busybox: &Busybox) -> Tree {
    let mut tree = Tree::default();
    busybox.add(&mut tree, "bin");
    tree.link("usr/bin/env", "../../bin/busybox");
    for dir in ["dev", "proc", "sys", "run", "var/log", "etc", "home/svc"] {
        tree.dir(dir, root(0o755));
    }
    tree.dir("root", root(0o700));
    tree.dir("tmp", root(0o1777));
    tree.dir("home/app", APP);
    tree.file("home/app/owned-by-app", Rights { mode: 0o600, ..APP }, "app\n");
    tree.file("etc/passwd", root(0o644), PASSWD);
    tree.file("etc/group", root(0o644), GROUP);
    tree
}

/// A second layer that replaces, removes and hides (layer.md of the image specification, "Whiteouts").
fn second_layer() -> Tree {
    let mut tree = Tree::default();
    tree.file("etc/layer", root(0o644), "second\n");
    tree.file("home/app/.wh.owned-by-app", root(0o644), "");
    tree.file("var/.wh..wh..opq", root(0o644), "");
    tree.file("var/only", root(0o644), "what was beneath is hidden\n");
    tree
}

fn config() -> Value {
    json!({ "Env": ["PATH=/bin:/usr/bin"], "Cmd": ["sh"] })
}

fn full_config() -> Value {
    json!({
        "User": "app:staff",
        "Env": ["PATH=/bin:/usr/bin", "FROM_IMAGE=yes", "HOME=/home/app"],
        "Entrypoint": ["/bin/sh", "-c"],
        "Cmd": ["echo from the image; pwd; id; exit 7"],
        "WorkingDir": "/home/app",
        "StopSignal": "SIGUSR1",
        "Labels": { "made-for": "tests" },
        "ExposedPorts": { "8080/tcp": {} },
        "Volumes": { "/data": {} },
    })
}

/// All forms of the test image.
///
/// # Errors
/// An archive can not be made.
pub(crate) fn all(busybox: &Busybox) -> Result<Vec<Image>> {
    let base = tree(busybox);
    let one = |name, tag: &str, about, layers: &[Tree], packing, config: &Value, arch| {
        let reference = format!("docker.io/library/busybox:{tag}");
        let mut archive = Archive::default();
        let top = archive.image(layers, packing, config, arch)?;
        anyhow::Ok(Image { name, about, archive: archive.finish(top, &reference)?, reference })
    };
    let base = std::slice::from_ref(&base);
    let two = [base.to_vec(), vec![second_layer()]].concat();
    let (bare, full) = (config(), full_config());
    let (arch, plain) = (host_arch(), Packing::Plain);
    let docker = "docker.io/library/busybox:docker".to_owned();
    Ok(vec![
        one("busybox", "1", "one plain layer, runs sh", base, plain, &bare, arch)?,
        one("busybox-gzip", "gzip", "its layer packed with gzip", base, Packing::Gzip, &bare, arch)?,
        one("busybox-zstd", "zstd", "its layer packed with zstd", base, Packing::Zstd, &bare, arch)?,
        one("busybox-layers", "layers", "two layers with whiteouts", &two, Packing::Gzip, &bare, arch)?,
        one("busybox-config", "config", "every field of the config is set", base, plain, &full, arch)?,
        one("busybox-foreign", "foreign", "for another architecture only", base, plain, &bare, "s390x")?,
        index(base)?,
        Image {
            name: "busybox-docker",
            about: "in the form of docker save",
            archive: docker::archive(base, &bare, &docker)?,
            reference: docker,
        },
    ])
}

/// An index of three platforms, of which only this machine's has the shell.
fn index(base: &[Tree]) -> Result<Image> {
    let reference = "docker.io/library/busybox:index".to_owned();
    let mut marker = Tree::default();
    marker.file("wrong-platform", root(0o644), "this image is for another machine\n");
    let mut archive = Archive::default();
    let mut manifests = Vec::new();
    for arch in ["s390x", "riscv64"] {
        manifests.push(archive.image(std::slice::from_ref(&marker), Packing::Plain, &config(), arch)?);
    }
    manifests.insert(1, archive.image(base, Packing::Gzip, &config(), host_arch())?);
    let top = archive.index(&manifests)?;
    Ok(Image {
        name: "busybox-index",
        about: "an index of three platforms, of which this machine's runs",
        archive: archive.finish(top, &reference)?,
        reference,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_applet_is_a_link_to_the_program() {
        let busybox = Busybox { program: b"program".to_vec(), applets: vec!["sh".into(), "cat".into()] };
        let mut tree = Tree::default();
        busybox.add(&mut tree, "bin");
        let bytes = tree.tar().unwrap();
        let mut archive = tar::Archive::new(bytes.as_slice());
        let links = archive.entries().unwrap().filter_map(|entry| {
            let entry = entry.unwrap();
            let target = entry.link_name().unwrap()?.display().to_string();
            Some(format!("{} -> {target}", entry.path().unwrap().display()))
        });
        assert_eq!(links.collect::<Vec<_>>(), ["bin/cat -> busybox", "bin/sh -> busybox"]);
    }

    #[test]
    fn all_forms_have_names_and_references_of_their_own() {
        let busybox = Busybox { program: b"program".to_vec(), applets: vec!["sh".into()] };
        let images = all(&busybox).unwrap();
        let mut references: Vec<&str> = images.iter().map(|image| image.reference.as_str()).collect();
        references.sort_unstable();
        references.dedup();
        assert_eq!(references.len(), images.len());
        assert_eq!(all(&busybox).unwrap().last().unwrap().archive, images.last().unwrap().archive);
    }
}
