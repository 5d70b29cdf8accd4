//! What the tests stand on: the containerd that the environment names, a namespace per test, specs of small tasks.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use containerd_backend::Connector;
use driver_core::ports::{ConnectPort, ContainerPort, Image, ImageRequest, NewContainer, Rootfs};
use driver_core::request::config::PluginConfig;
use driver_core::request::ids::ContainerId;
use oci_builder::Spec;
use serde_json::json;

use crate::archives;

/// Longest wait for anything that must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// The name of the image that tests run.
pub(crate) const IMAGE: &str = "registry.invalid/test/busybox:1";

/// The socket of the containerd under test.
pub(crate) fn address() -> PathBuf {
    let address = std::env::var_os("CONTAINERD_ADDRESS");
    PathBuf::from(address.expect(
        "CONTAINERD_ADDRESS is not set: run this as \
         `cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored`",
    ))
}

/// A namespace of the containerd under test, and a port to it.
pub(crate) struct Room {
    pub(crate) address: PathBuf,
    pub(crate) namespace: String,
    pub(crate) port: Arc<dyn ContainerPort>,
    /// A directory of the test's own.
    pub(crate) directory: tempfile::TempDir,
}

/// The configuration of a port to a containerd.
pub(crate) fn config(address: &Path) -> PluginConfig {
    PluginConfig {
        address: address.to_path_buf(),
        client_timeout: Duration::from_secs(30),
        ..PluginConfig::default()
    }
}

/// A port with this configuration.
pub(crate) fn port(config: &PluginConfig, namespace: &str) -> Arc<dyn ContainerPort> {
    Connector.connect(config, namespace).expect("a configuration that can work")
}

impl Room {
    /// A namespace of this name, in the containerd that the environment names.
    pub(crate) fn new(name: &str) -> Self {
        Self::at(&address(), name)
    }

    /// A namespace of this name in a containerd.
    pub(crate) fn at(address: &Path, name: &str) -> Self {
        let namespace = format!("backend-{name}");
        Self {
            port: port(&config(address), &namespace),
            address: address.to_path_buf(),
            namespace,
            directory: tempfile::tempdir().expect("a directory"),
        }
    }

    /// A namespace with the test image in it.
    pub(crate) async fn with_image(name: &str) -> Self {
        let room = Self::new(name);
        room.import_image().await;
        room
    }

    /// Imports the test image.
    pub(crate) async fn import_image(&self) {
        let archive = self.directory.path().join("image.tar");
        archives::busybox_layout(&[IMAGE]).write(&archive);
        self.import(&archive, "overlayfs").await.expect("an import");
    }

    /// Imports an archive.
    pub(crate) async fn import(
        &self,
        archive: &Path,
        snapshotter: &str,
    ) -> Result<Vec<String>, containerd_backend::ImportError> {
        containerd_backend::import(&self.address, &self.namespace, snapshotter, archive, &|_| {}).await
    }

    /// Asks for an image, with a minute to get it.
    pub(crate) async fn image(&self, reference: &str) -> Result<Image, driver_core::ports::ContainersError> {
        self.port.image(&request(reference), &|_| {}).await
    }

    /// A container of the test image that is to run this.
    pub(crate) async fn container(&self, name: &str, args: &[&str]) -> (ContainerId, Rootfs) {
        let spec = spec(&self.namespace, name, args);
        self.container_of(name, spec).await
    }

    /// A container of the test image with this spec.
    pub(crate) async fn container_of(&self, name: &str, spec: Spec) -> (ContainerId, Rootfs) {
        let id = ContainerId::existing(name);
        let image = self.image(IMAGE).await.expect("the test image");
        let rootfs = self.port.prepare_rootfs(&id, &image, &Default::default()).await.expect("a rootfs");
        let new = NewContainer { id: id.clone(), image: image.name, labels: [].into(), spec };
        self.port.create_container(new).await.expect("a container");
        (id, rootfs)
    }

    /// A running task of the test image.
    pub(crate) async fn run(&self, name: &str, args: &[&str]) -> ContainerId {
        let (id, rootfs) = self.container(name, args).await;
        self.port.create_task(&id, &rootfs, &Default::default()).await.expect("a task");
        self.port.start_task(&id).await.expect("a start");
        id
    }

    /// What containerd's own client says.
    pub(crate) fn ctr(&self, args: &[&str]) -> String {
        let mut command = Command::new("ctr");
        command.arg("--address").arg(&self.address).args(["--namespace", &self.namespace]).args(args);
        let output = command.output().expect("ctr runs");
        assert!(output.status.success(), "ctr {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    /// Asserts that other clients see the image as complete and unpacked.
    pub(crate) fn assert_whole(&self, name: &str) {
        let said = self.ctr(&["images", "check"]);
        let line =
            said.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name} in {said}"));
        assert!(line.contains(" complete "), "{line}");
        assert!(line.trim_end().ends_with("true"), "not unpacked: {line}");
    }

    /// Returns when containerd has nothing in the namespace any more: no record, content, ingest, snapshot or lease.
    pub(crate) async fn emptied(&self) {
        let lists: [&[&str]; 5] = [
            &["leases", "list", "--quiet"],
            &["images", "list", "--quiet"],
            &["content", "list", "--quiet"],
            &["content", "active"],
            &["snapshots", "list"],
        ];
        let left = || lists.iter().map(|list| self.ctr(list)).collect::<Vec<_>>();
        let is_empty =
            |said: &String| said.lines().all(|line| line.starts_with("REF") || line.starts_with("KEY"));
        let emptied = async {
            while !left().iter().all(is_empty) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(Duration::from_secs(20), emptied).await.is_err() {
            panic!("what is left: {:#?}", left());
        }
    }

    /// Asserts that no lease is left.
    pub(crate) fn assert_no_lease(&self) {
        assert_eq!(self.ctr(&["leases", "list", "--quiet"]), "");
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // runc makes it for the first container of a namespace and leaves it; only an empty one goes.
        let _ = std::fs::remove_dir(Path::new("/run/containerd/runc").join(&self.namespace));
    }
}

/// A request for an image, with a minute to get it.
pub(crate) fn request(reference: &str) -> ImageRequest {
    ImageRequest { reference: reference.to_owned(), timeout: PATIENCE, credentials: Vec::new() }
}

/// A spec whose first process has these arguments, in a cgroup of the namespace's own.
pub(crate) fn spec(namespace: &str, name: &str, args: &[&str]) -> Spec {
    let spec = json!({
        "ociVersion": "1.0.2",
        "process": {
            "args": args,
            "cwd": "/",
            "env": ["PATH=/bin"],
            "user": { "uid": 0, "gid": 0 },
            "noNewPrivileges": true,
        },
        "root": { "path": "rootfs" },
        "mounts": [
            { "destination": "/proc", "type": "proc", "source": "proc" },
            { "destination": "/dev", "type": "tmpfs", "source": "tmpfs" },
            {
                "destination": "/dev/pts", "type": "devpts", "source": "devpts",
                "options": ["newinstance", "ptmxmode=0666"],
            },
        ],
        "linux": {
            "cgroupsPath": format!("/{namespace}-{name}"),
            "namespaces": [{ "type": "pid" }, { "type": "mount" }, { "type": "ipc" }, { "type": "uts" }],
        },
    });
    serde_json::from_value(spec).expect("a spec")
}

/// Awaits what must happen soon.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .unwrap_or_else(|_| panic!("{what} did not happen within {PATIENCE:?}"))
}
