//! Small images made of the host's static busybox, as archives.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Media type of a configuration.
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// How a layer is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    Plain,
    Gzip,
    Zstd,
}

/// A blob with its media type.
#[derive(Debug, Clone)]
pub(crate) struct Blob {
    pub(crate) media_type: String,
    pub(crate) bytes: Vec<u8>,
}

/// An OCI layout in the making.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layout {
    /// Blobs by digest.
    pub(crate) blobs: BTreeMap<String, Blob>,
    /// Entries of `index.json`.
    pub(crate) manifests: Vec<Value>,
}

/// The digest of bytes.
pub(crate) fn digest(bytes: &[u8]) -> String {
    let hash: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hash}")
}

/// This host's architecture in Go's words.
pub(crate) fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

impl Layout {
    /// Adds a blob; gives its descriptor.
    pub(crate) fn add(&mut self, media_type: &str, bytes: Vec<u8>) -> Value {
        let (digest, size) = (digest(&bytes), bytes.len());
        self.blobs.insert(digest.clone(), Blob { media_type: media_type.to_owned(), bytes });
        json!({ "mediaType": media_type, "digest": digest, "size": size })
    }

    /// Adds an image of these layers for an architecture; gives its manifest's descriptor.
    pub(crate) fn add_image(&mut self, architecture: &str, layers: &[(Vec<u8>, Packing)]) -> Value {
        let diff_ids: Vec<String> = layers.iter().map(|(tar, _)| digest(tar)).collect();
        let descriptors: Vec<Value> = layers
            .iter()
            .map(|(tar, packing)| self.add(layer_type(*packing), packed(tar, *packing)))
            .collect();
        let config = json!({
            "architecture": architecture,
            "os": "linux",
            "config": {
                "Entrypoint": ["/bin/sh"], "Cmd": ["-c", "true"], "Env": ["PATH=/bin", "A=1"],
                "User": "7:8", "WorkingDir": "/srv", "StopSignal": "SIGINT",
            },
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
        });
        let config = self.add(CONFIG, bytes_of(&config));
        self.add_manifest(&config, &json!(descriptors))
    }

    /// Adds an image with this configuration for this architecture, and layers whose descriptors may say anything.
    pub(crate) fn add_odd_image(&mut self, config: Value, layers: &Value) -> Value {
        let mut whole = json!({ "architecture": architecture(), "os": "linux" });
        whole.as_object_mut().expect("an object").extend(config.as_object().expect("an object").clone());
        let config = self.add(CONFIG, bytes_of(&whole));
        self.add_manifest(&config, layers)
    }

    fn add_manifest(&mut self, config: &Value, layers: &Value) -> Value {
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        let manifest =
            json!({ "schemaVersion": 2, "mediaType": media_type, "config": config, "layers": layers });
        self.add(media_type, bytes_of(&manifest))
    }

    /// Adds an index; gives its descriptor.
    pub(crate) fn add_index(&mut self, manifests: &[(&str, Value)]) -> Value {
        let entry = |(architecture, manifest): &(&str, Value)| {
            let mut entry = manifest.clone();
            entry["platform"] = json!({ "os": "linux", "architecture": architecture });
            entry
        };
        let media_type = "application/vnd.oci.image.index.v1+json";
        let manifests: Vec<Value> = manifests.iter().map(entry).collect();
        let index = json!({ "schemaVersion": 2, "mediaType": media_type, "manifests": manifests });
        self.add(media_type, bytes_of(&index))
    }

    /// Names an image.
    pub(crate) fn name(&mut self, root: &Value, name: &str) {
        let mut entry = root.clone();
        entry["annotations"] = json!({ "io.containerd.image.name": name });
        self.manifests.push(entry);
    }

    /// Writes the layout as a tar archive.
    pub(crate) fn write(&self, path: &Path) {
        let index = bytes_of(&json!({ "schemaVersion": 2, "manifests": self.manifests }));
        let mut files = vec![("index.json".to_owned(), index)];
        files.extend(
            self.blobs
                .iter()
                .map(|(digest, blob)| (format!("blobs/{}", digest.replace(':', "/")), blob.bytes.clone())),
        );
        std::fs::write(path, tar_of(&files)).expect("an archive");
    }
}

/// The test image: busybox in a gzip layer, links to it in a plain one, a file in a zstd one.
pub(crate) fn busybox_layout(names: &[&str]) -> Layout {
    let mut layout = Layout::default();
    let root = layout.add_image(architecture(), &busybox_layers(""));
    for name in names {
        layout.name(&root, name);
    }
    layout
}

/// The layers of the test image. Other salt makes other layers: containerd shares content between namespaces.
pub(crate) fn busybox_layers(salt: &str) -> Vec<(Vec<u8>, Packing)> {
    let file = tar_of(&[("etc/zstd".to_owned(), [&vec![b'z'; 300_000], salt.as_bytes()].concat())]);
    vec![(busybox_layer(salt), Packing::Gzip), (links_layer(salt), Packing::Plain), (file, Packing::Zstd)]
}

fn busybox_layer(salt: &str) -> Vec<u8> {
    let candidates = ["/bin/busybox", "/usr/bin/busybox"];
    let busybox = candidates.iter().find_map(|path| std::fs::read(path).ok());
    let busybox = busybox.expect("the package busybox-static is installed");
    tar_of(&[("bin/busybox".to_owned(), busybox), ("etc/salt".to_owned(), salt.into())])
}

fn links_layer(salt: &str) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_data(&mut header(salt.len()), "etc/salted", salt.as_bytes()).expect("an entry");
    for name in ["sh", "sleep", "cat", "true", "tail", "dd", "echo"] {
        let mut header = header(0);
        header.set_entry_type(tar::EntryType::Symlink);
        builder.append_link(&mut header, format!("bin/{name}"), "busybox").expect("a link");
    }
    builder.into_inner().expect("a layer")
}

/// A tar archive of executable files.
pub(crate) fn tar_of(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        builder.append_data(&mut header(bytes.len()), name, bytes.as_slice()).expect("an entry");
    }
    builder.into_inner().expect("an archive")
}

fn header(size: usize) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(size as u64);
    header.set_mode(0o755);
    header
}

fn layer_type(packing: Packing) -> &'static str {
    match packing {
        Packing::Plain => "application/vnd.oci.image.layer.v1.tar",
        Packing::Gzip => "application/vnd.oci.image.layer.v1.tar+gzip",
        Packing::Zstd => "application/vnd.oci.image.layer.v1.tar+zstd",
    }
}

/// A packed layer.
pub(crate) fn packed(tar: &[u8], packing: Packing) -> Vec<u8> {
    match packing {
        Packing::Plain => tar.to_vec(),
        Packing::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(tar).expect("memory");
            encoder.finish().expect("memory")
        }
        Packing::Zstd => zstd(tar),
    }
}

/// A zstd frame of raw blocks (RFC 8878, 3.1.1): magic, a header with the content's size in four bytes, blocks of at
/// most 128 KiB.
fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0b1010_0000];
    frame.extend_from_slice(&u32::try_from(bytes.len()).expect("a small layer").to_le_bytes());
    let mut blocks = bytes.chunks(128 << 10).peekable();
    while let Some(block) = blocks.next() {
        let last = u32::from(blocks.peek().is_none());
        let header = last | (u32::try_from(block.len()).expect("a small block") << 3);
        frame.extend_from_slice(&header.to_le_bytes()[..3]);
        frame.extend_from_slice(block);
    }
    frame
}

/// A document as bytes.
pub(crate) fn bytes_of(document: &Value) -> Vec<u8> {
    serde_json::to_vec(document).expect("JSON")
}
