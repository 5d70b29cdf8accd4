//! Images of a test's own making, with whatever a registry could send in their layers.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

use crate::daemon::Daemon;
use crate::registry::blobs;

/// A layer: entries in the order in which they are added, their names and targets as they are given.
#[derive(Debug, Default)]
pub struct Layer(Vec<u8>);

impl Layer {
    /// A file of root's that everybody may read.
    pub fn file(self, name: &str, content: &[u8]) -> Self {
        self.entry(EntryType::Regular, name, "", content)
    }

    /// A symbolic link.
    pub fn link(self, name: &str, target: &str) -> Self {
        self.entry(EntryType::Symlink, name, target, b"")
    }

    /// An entry of any kind. Name and target are written unchecked, of 100 bytes at most.
    pub fn entry(mut self, kind: EntryType, name: &str, target: &str, content: &[u8]) -> Self {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(if kind == EntryType::Directory { 0o755 } else { 0o644 });
        header.set_size(content.len().try_into().unwrap());
        let fields = header.as_old_mut();
        fields.name[..name.len()].copy_from_slice(name.as_bytes());
        fields.linkname[..target.len()].copy_from_slice(target.as_bytes());
        self.append(header, content);
        self
    }

    /// A device node that everybody may use.
    pub fn device(mut self, kind: EntryType, name: &str, (major, minor): (u32, u32)) -> Self {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(0o666);
        header.set_size(0);
        header.set_device_major(major).unwrap();
        header.set_device_minor(minor).unwrap();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        self.append(header, b"");
        self
    }

    fn append(&mut self, mut header: Header, content: &[u8]) {
        header.set_cksum();
        let mut entry = Builder::new(Vec::new());
        entry.append(&header, content).unwrap();
        // The two empty blocks that end an archive come once, at its end.
        let bytes = entry.into_inner().unwrap();
        self.0.extend(&bytes[..bytes.len() - 1024]);
    }

    fn finish(mut self) -> Vec<u8> {
        self.0.extend([0; 1024]);
        self.0
    }
}

/// An image: that of busybox, and a layer over it.
#[derive(Debug)]
pub struct OwnImage {
    blobs: BTreeMap<String, Vec<u8>>,
    manifest: Value,
}

impl OwnImage {
    /// Puts a layer over the image of busybox.
    pub fn with(layer: Layer) -> Self {
        let base = blobs(&crate::daemon::archive("busybox").file);
        let of = |digest: &Value| base[&path_of(digest.as_str().unwrap())].clone();
        let read = |digest: &Value| -> Value { serde_json::from_slice(&of(digest)).unwrap() };
        let index: Value = serde_json::from_slice(&base["index.json"]).unwrap();
        let mut manifest = read(&index["manifests"][0]["digest"]);
        let mut config = read(&manifest["config"]["digest"]);
        let mut image = Self { blobs: BTreeMap::new(), manifest: Value::Null };
        for layer in manifest["layers"].as_array().unwrap() {
            image.blob("", of(&layer["digest"]));
        }
        let layer = image.blob("application/vnd.oci.image.layer.v1.tar", layer.finish());
        config["rootfs"]["diff_ids"].as_array_mut().unwrap().push(layer["digest"].clone());
        manifest["layers"].as_array_mut().unwrap().push(layer);
        let config = serde_json::to_vec(&config).unwrap();
        manifest["config"] = image.blob("application/vnd.oci.image.config.v1+json", config);
        image.manifest = manifest;
        image
    }

    /// Imports it under a name, or gives the driver's complaint. Removing it is [`remove`]'s.
    pub fn import(mut self, daemon: &Daemon, directory: &Path, reference: &str) -> Result<(), String> {
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        let mut top = self.blob(media_type, serde_json::to_vec(&self.manifest).unwrap());
        top["annotations"] = json!({ "io.containerd.image.name": reference });
        let index = json!({ "schemaVersion": 2, "manifests": [top] });
        let mut archive = Builder::new(Vec::new());
        let mut add = |path: &str, content: &[u8]| {
            let mut header = Header::new_gnu();
            header.set_size(content.len().try_into().unwrap());
            header.set_mode(0o644);
            archive.append_data(&mut header, path, content).unwrap();
        };
        add("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
        add("index.json", &serde_json::to_vec(&index).unwrap());
        self.blobs.iter().for_each(|(digest, content)| add(&path_of(digest), content));
        let file = directory.join("own-image.tar");
        fs::write(&file, archive.into_inner().unwrap()).unwrap();
        let output = daemon.import(&file);
        match output.status.success() {
            true => Ok(()),
            false => Err(String::from_utf8(output.stderr).unwrap()),
        }
    }

    fn blob(&mut self, media_type: &str, content: Vec<u8>) -> Value {
        let hex: String = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
        let digest = format!("sha256:{hex}");
        let size = content.len();
        self.blobs.insert(digest.clone(), content);
        json!({ "mediaType": media_type, "digest": digest, "size": size })
    }
}

/// A reference that no other test of this run has.
pub fn reference() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    format!("docker.io/hostile/image:{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Removes an image of [`OwnImage::import`]; none is success.
pub fn remove(daemon: &Daemon, reference: &str) {
    daemon.ctr(&["images", "remove", reference]);
}

fn path_of(digest: &str) -> String {
    format!("blobs/{}", digest.replace(':', "/"))
}
