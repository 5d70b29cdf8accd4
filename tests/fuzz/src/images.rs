//! What registries and archives have: references, documents, tar files.

use containerd_backend::fuzz;

use crate::host::with_directory;
use crate::target::Target;

pub(crate) const REFERENCE: Target = Target {
    name: "reference",
    run: reference,
    seeds: || {
        let digest = "sha256:".to_owned() + &"0a".repeat(32);
        let texts = ["redis", "redis:7", "localhost:5000/a/b-c__d.e:v1.0", "[::1]:80/a", "index.docker.io/x"];
        let texts =
            texts.map(str::to_owned).into_iter().chain([format!("r.io/a@{digest}"), format!("a:b@{digest}")]);
        texts.map(String::into_bytes).collect()
    },
    longest: 512,
};

pub(crate) const DOCUMENT: Target = Target {
    name: "document",
    run: document,
    seeds: || {
        let index =
            br#"{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json",
            "digest":"sha256:aa","size":3,"platform":{"os":"linux","architecture":"arm64","variant":"v8"},
            "annotations":{"a":"b"}}]}"#;
        let manifest = br#"{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json",
            "digest":"sha256:cc","size":3},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip",
            "digest":"sha256:dd","size":4}]}"#;
        vec![index.to_vec(), manifest.to_vec()]
    },
    longest: 4096,
};

pub(crate) const CONFIGURATION: Target = Target {
    name: "configuration",
    run: configuration,
    seeds: || {
        let some = br#"{"architecture":"amd64","os":"linux","config":{"User":"1:2","Env":["A=b"],"Entrypoint":null,
            "Cmd":["sh"],"WorkingDir":"/","StopSignal":"SIGTERM"},"rootfs":{"type":"layers","diff_ids":["sha256:aa","sha256:bb"]}}"#;
        vec![some.to_vec(), br#"{"rootfs":{"diff_ids":[]}}"#.to_vec()]
    },
    longest: 4096,
};

pub(crate) const ARCHIVE: Target = Target { name: "archive", run: archive, seeds: archives, longest: 8192 };

/// The full name reads as itself, and is hardly longer than what it was made from.
fn reference(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    match fuzz::reference(text) {
        Ok(full) => {
            assert_eq!(fuzz::reference(&full).as_ref(), Ok(&full), "{text:?}");
            assert!(full.len() <= text.len() + "docker.io/library/:latest".len(), "{text:?} {full:?}");
            assert!(full.chars().all(|c| c.is_ascii_graphic()), "{full:?}");
            true
        }
        Err(_) => false,
    }
}

/// What is read of a descriptor is read of it again when it is written.
fn document(bytes: &[u8]) -> bool {
    let Ok(descriptors) = fuzz::document(bytes) else { return false };
    let index = |all: &[Vec<u8>]| [br#"{"manifests":["#, all.join(&b","[..]).as_slice(), b"]}"].concat();
    assert_eq!(fuzz::document(&index(&descriptors)).as_ref(), Ok(&descriptors));
    true
}

/// There is a chain id for each layer, and the first is the layer's own.
fn configuration(bytes: &[u8]) -> bool {
    let taken = (0..=3).filter_map(|layers| Some((layers, fuzz::configuration(bytes, layers).ok()?)));
    let taken: Vec<_> = taken.collect();
    assert!(taken.len() <= 1);
    taken.iter().for_each(|(layers, chain)| assert_eq!(chain.len(), *layers));
    !taken.is_empty()
}

/// Names of images are whole references.
fn archive(bytes: &[u8]) -> bool {
    with_directory(|dir| {
        let path = dir.join("archive.tar");
        std::fs::write(&path, bytes).unwrap();
        let Ok(names) = fuzz::archive(&path) else { return false };
        assert!(!names.is_empty() && names.len() <= bytes.len());
        names.iter().for_each(|name| assert_eq!(fuzz::reference(name).as_ref(), Ok(name)));
        true
    })
}

fn archives() -> Vec<Vec<u8>> {
    let layout =
        br#"{"manifests":[{"digest":"sha256:aa","annotations":{"io.containerd.image.name":"r.io/a:1"}}]}"#;
    let list = br#"[{"Config":"c.json","RepoTags":["redis:7"],"Layers":["l/layer.tar"]}]"#;
    let mut docker = tar::Builder::new(Vec::new());
    add(&mut docker, "manifest.json", list);
    add(&mut docker, "c.json", br#"{"os":"linux"}"#);
    let mut link = tar::Header::new_gnu();
    link.set_entry_type(tar::EntryType::Symlink);
    link.set_size(0);
    docker.append_link(&mut link, "l/layer.tar", "../base").unwrap();
    add(&mut docker, "base", b"layer");
    let mut oci = tar::Builder::new(Vec::new());
    add(&mut oci, "index.json", layout);
    vec![oci.into_inner().unwrap(), docker.into_inner().unwrap()]
}

fn add(builder: &mut tar::Builder<Vec<u8>>, name: &str, bytes: &[u8]) {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    builder.append_data(&mut header, name, bytes).unwrap();
}
