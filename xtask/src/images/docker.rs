//! Image archives in the form that `docker save` writes.

use anyhow::Result;
use serde_json::{Value, json};

use super::oci::{digest, host_arch, image_config};
use super::tree::{Tree, plain_tar};

/// An archive of one image: the layers as plain tar files, the config by its digest, `manifest.json`.
///
/// # Errors
/// The archive can not be written.
pub(crate) fn archive(layers: &[Tree], config: &Value, reference: &str) -> Result<Vec<u8>> {
    let mut files = Vec::new();
    let mut diff_ids = Vec::new();
    for layer in layers {
        let tar = layer.tar()?;
        let id = digest(&tar);
        files.push((format!("{}/layer.tar", bare(&id)), tar));
        diff_ids.push(id);
    }
    let paths: Vec<String> = files.iter().map(|(path, _)| path.clone()).collect();
    let config = serde_json::to_vec(&image_config(config, host_arch(), &diff_ids))?;
    let config_path = format!("{}.json", bare(&digest(&config)));
    let manifest = json!([{ "Config": config_path, "RepoTags": [short(reference)], "Layers": paths }]);
    files.push((config_path, config));
    files.push(("manifest.json".to_owned(), serde_json::to_vec(&manifest)?));
    plain_tar(files.iter().map(|(path, data)| (path.as_str(), data.as_slice())))
}

fn bare(digest: &str) -> &str {
    digest.trim_start_matches("sha256:")
}

/// The reference as docker prints it, without the parts that it takes for granted.
fn short(reference: &str) -> &str {
    let rest = reference.strip_prefix("docker.io/").unwrap_or(reference);
    rest.strip_prefix("library/").unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_lose_what_docker_takes_for_granted() {
        assert_eq!(short("docker.io/library/busybox:1"), "busybox:1");
        assert_eq!(short("docker.io/some/tool:2"), "some/tool:2");
        assert_eq!(short("registry.example/tool:3"), "registry.example/tool:3");
    }
}
