//! Image archives in the layout of the OCI image specification (image-layout.md, version 1.0).

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::tree::{Tree, plain_tar};

/// How a layer is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    /// A bare tar archive.
    Plain,
    /// Packed with gzip.
    Gzip,
    /// Packed with zstd.
    Zstd,
}

impl Packing {
    fn media_type(self) -> &'static str {
        match self {
            Self::Plain => "application/vnd.oci.image.layer.v1.tar",
            Self::Gzip => "application/vnd.oci.image.layer.v1.tar+gzip",
            Self::Zstd => "application/vnd.oci.image.layer.v1.tar+zstd",
        }
    }

    fn pack(self, tar: &[u8]) -> Result<Vec<u8>> {
        match self {
            Self::Plain => Ok(tar.to_vec()),
            Self::Gzip => filter(Command::new("gzip").args(["--no-name", "--stdout"]), tar),
            Self::Zstd => filter(Command::new("zstd").args(["--quiet", "--stdout"]), tar),
        }
    }
}

/// An archive in the making.
#[derive(Default)]
pub(crate) struct Archive {
    blobs: BTreeMap<String, Vec<u8>>,
}

impl Archive {
    /// Adds an image for one platform and gives the descriptor of its manifest.
    ///
    /// # Errors
    /// A layer can not be packed.
    pub(crate) fn image(
        &mut self,
        layers: &[Tree],
        packing: Packing,
        config: &Value,
        arch: &str,
    ) -> Result<Value> {
        let mut diff_ids = Vec::new();
        let mut descriptors = Vec::new();
        for layer in layers {
            let tar = layer.tar()?;
            diff_ids.push(digest(&tar));
            descriptors.push(self.blob(packing.media_type(), packing.pack(&tar)?));
        }
        let config = serde_json::to_vec(&image_config(config, arch, &diff_ids))?;
        let config = self.blob("application/vnd.oci.image.config.v1+json", config);
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        let manifest = json!({
            "schemaVersion": 2, "mediaType": media_type, "config": config, "layers": descriptors,
        });
        let mut descriptor = self.blob(media_type, serde_json::to_vec(&manifest)?);
        descriptor["platform"] = json!({ "architecture": arch, "os": "linux" });
        Ok(descriptor)
    }

    /// Adds an index over several images and gives its descriptor.
    ///
    /// # Errors
    /// The index can not be written as JSON.
    pub(crate) fn index(&mut self, manifests: &[Value]) -> Result<Value> {
        let media_type = "application/vnd.oci.image.index.v1+json";
        let index = json!({ "schemaVersion": 2, "mediaType": media_type, "manifests": manifests });
        Ok(self.blob(media_type, serde_json::to_vec(&index)?))
    }

    /// The bytes of the archive, with `top` under the name `reference`.
    ///
    /// # Errors
    /// The archive can not be written.
    pub(crate) fn finish(mut self, mut top: Value, reference: &str) -> Result<Vec<u8>> {
        let tag = reference.rsplit_once(':').map_or("latest", |(_, tag)| tag);
        top["annotations"] = json!({
            "io.containerd.image.name": reference,
            "org.opencontainers.image.ref.name": tag,
        });
        let index = json!({ "schemaVersion": 2, "manifests": [top] });
        self.blobs.insert("index.json".to_owned(), serde_json::to_vec(&index)?);
        let layout = json!({ "imageLayoutVersion": "1.0.0" });
        self.blobs.insert("oci-layout".to_owned(), serde_json::to_vec(&layout)?);
        plain_tar(self.blobs.iter().map(|(path, data)| (path.as_str(), data.as_slice())))
    }

    fn blob(&mut self, media_type: &str, data: Vec<u8>) -> Value {
        let digest = digest(&data);
        let descriptor = json!({ "mediaType": media_type, "digest": digest, "size": data.len() });
        self.blobs.insert(format!("blobs/{}", digest.replace(':', "/")), data);
        descriptor
    }
}

/// The image's configuration file (config.md of the specification).
pub(crate) fn image_config(config: &Value, arch: &str, diff_ids: &[String]) -> Value {
    json!({
        "created": "1970-01-01T00:00:00Z",
        "architecture": arch,
        "os": "linux",
        "config": config,
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    })
}

/// The digest of some bytes as the specification writes it.
pub(crate) fn digest(data: &[u8]) -> String {
    let hex: Vec<String> = Sha256::digest(data).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{}", hex.concat())
}

/// The name that image specifications have for this machine's architecture (Go's GOARCH).
pub(crate) fn host_arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn filter(command: &mut Command, input: &[u8]) -> Result<Vec<u8>> {
    let spelled = crate::process::spelled(command);
    let started = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = started.with_context(|| format!("can not start `{spelled}`"))?;
    let mut stdin = child.stdin.take().context("no pipe to a packer")?;
    let (fed, done) = std::thread::scope(|scope| {
        let fed = scope.spawn(move || stdin.write_all(input));
        let done = child.wait_with_output();
        (fed.join(), done)
    });
    let done = done.with_context(|| format!("can not read from `{spelled}`"))?;
    match fed {
        Ok(Ok(())) if done.status.success() => Ok(done.stdout),
        _ => bail!("`{spelled}` ended with {}", crate::process::ending(done.status)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::tree::root;
    use expect_test::expect;

    fn tree() -> Tree {
        let mut tree = Tree::default();
        tree.file("hello", root(0o644), "hello\n");
        tree
    }

    fn archive(packing: Packing) -> Vec<u8> {
        let mut archive = Archive::default();
        let top = archive.image(&[tree()], packing, &json!({ "Cmd": ["sh"] }), "amd64").unwrap();
        archive.finish(top, "docker.io/library/hello:1").unwrap()
    }

    fn names(archive: &[u8]) -> Vec<String> {
        let mut archive = tar::Archive::new(archive);
        let entries = archive.entries().unwrap().map(Result::unwrap);
        let files = entries.filter(|entry| entry.header().entry_type().is_file());
        files.map(|entry| entry.path().unwrap().display().to_string()).collect()
    }

    #[test]
    fn an_archive_holds_manifest_config_layer_index_and_layout() {
        expect![[r#"
            blobs/sha256/9de890a4be9044ca009585b05860e6289f1c1a0010c1ef11af583dc80173712c
            blobs/sha256/d657e1af0e90a771c728e252d13cd833cee485b624c6a0eb0c4dbc6a08ad3329
            blobs/sha256/ea8503667a35d9206b0ee7630e633d117b61689fb2cb8f9f7c0ea3751aab67bf
            index.json
            oci-layout"#]]
        .assert_eq(&names(&archive(Packing::Plain)).join("\n"));
    }

    #[test]
    fn the_same_files_give_the_same_archive() {
        for packing in [Packing::Plain, Packing::Gzip] {
            assert_eq!(digest(&archive(packing)), digest(&archive(packing)), "{packing:?}");
        }
    }

    #[test]
    fn digests_are_written_as_the_specification_says() {
        assert_eq!(digest(b""), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
