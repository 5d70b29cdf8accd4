//! A task as the Go driver of the same name starts it: with containerd's own API, named, labelled (not at all) and
//! specified as that driver does it, its log lines in FIFOs that only its driver copies.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{PipeWriter, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use containerd_client::services::v1 as api;
use containerd_client::services::v1::container::Runtime;
use containerd_client::tonic::Request;
use containerd_client::tonic::transport::{Channel, Endpoint};
use containerd_client::with_namespace;
use e2e::daemon::{Daemon, namespace};
use e2e::{World, host};
use linux_host::fifo;
use nomad_host::driver::{TaskConfig, TaskHandle};
use rustix::event::{PollFd, PollFlags};
use serde_json::{Value, json};

/// The type of the spec in a container's record.
const SPEC: &str = "types.containerd.io/opencontainers/runtime-spec/1/Spec";

/// A running task of the Go driver and that driver's part in it.
#[derive(Debug)]
pub(crate) struct GoTask {
    /// The container's name.
    pub(crate) container: String,
    /// The directory of the FIFOs.
    pub(crate) fifos: PathBuf,
    config: TaskConfig,
    copiers: Vec<Copier>,
}

impl GoTask {
    /// Creates container and task; that driver starts it seconds after it has told Nomad of it.
    pub(crate) async fn create(world: &World, config: &TaskConfig, script: &str) -> Self {
        let container = host::container_id(&config.alloc_id, &config.name);
        let fifos = tempfile::Builder::new().prefix("fifo.").tempdir_in(world.directory()).unwrap().keep();
        let path = |stream: &str| fifos.join(format!("{container}-{stream}"));
        let streams = [(path("stdout"), &config.stdout_path), (path("stderr"), &config.stderr_path)];
        let copiers = streams.map(|(from, to)| Copier::start(&from, Path::new(to))).into();
        let daemon = world.daemon();
        let image = daemon.image("busybox");
        let channel = connect(daemon).await;
        create_container(&channel, daemon, &container, &image, &spec(daemon, config, &container, script))
            .await;
        create_task(&channel, &container, &path).await;
        Self { container, fifos, config: config.clone(), copiers }
    }

    /// The same, started.
    pub(crate) async fn start(world: &World, config: &TaskConfig, script: &str) -> Self {
        let task = Self::create(world, config, script).await;
        let channel = connect(world.daemon()).await;
        let request = api::StartRequest { container_id: task.container.clone(), ..Default::default() };
        let request = with_namespace!(request, namespace());
        api::tasks_client::TasksClient::new(channel).start(request).await.unwrap();
        task
    }

    /// The driver dies; what it has read of the log it has written.
    pub(crate) fn driver_dies(&mut self) {
        self.copiers.drain(..).for_each(Copier::stop);
    }

    /// What Nomad has recorded of the task.
    pub(crate) fn handle(&self) -> TaskHandle {
        TaskHandle {
            version: 1,
            driver_state: driver_state(&self.container, &self.config),
            config: Some(TaskConfig { msgpack_driver_config: Vec::new(), ..self.config.clone() }),
            ..TaskHandle::default()
        }
    }
}

/// The state as that driver's codec writes it: a map whose texts and bytes both have the family of strings.
pub(crate) fn driver_state(container: &str, config: &TaskConfig) -> Vec<u8> {
    let mut bytes = vec![0x84];
    let mut raw = |part: &[u8]| {
        let length = u8::try_from(part.len()).unwrap();
        match length {
            0..32 => bytes.push(0xa0 | length),
            _ => bytes.extend([0xda, 0, length]),
        }
        bytes.extend(part);
    };
    raw(b"StartedAt");
    // 2023-11-14 22:13:20.5 UTC: version, seconds since the year 1, nanoseconds, minutes of the zone (-1 is UTC).
    let seconds = (62_135_596_800_i64 + 1_700_000_000).to_be_bytes();
    raw(&[&[1][..], &seconds, &500_000_000_u32.to_be_bytes(), &[0xff, 0xff]].concat());
    for (key, value) in [
        ("ContainerName", container),
        ("StdoutPath", &config.stdout_path),
        ("StderrPath", &config.stderr_path),
    ] {
        raw(key.as_bytes());
        raw(value.as_bytes());
    }
    bytes
}

async fn connect(daemon: &Daemon) -> Channel {
    let address = format!("unix://{}", daemon.instance().address.display());
    Endpoint::from_shared(address).unwrap().connect().await.unwrap()
}

async fn create_container(channel: &Channel, daemon: &Daemon, id: &str, image: &str, spec: &Value) {
    let container = api::Container {
        id: id.to_owned(),
        image: image.to_owned(),
        runtime: Some(Runtime { name: "io.containerd.runc.v2".to_owned(), options: None }),
        spec: Some(prost_types::Any { type_url: SPEC.to_owned(), value: spec.to_string().into_bytes() }),
        snapshotter: "overlayfs".to_owned(),
        snapshot_key: format!("{id}-snapshot"),
        labels: HashMap::new(),
        ..api::Container::default()
    };
    let request = with_namespace!(api::CreateContainerRequest { container: Some(container) }, namespace());
    let mut containers = api::containers_client::ContainersClient::new(channel.clone());
    containers.create(request).await.unwrap();
    let parent = chain_id(daemon, image);
    daemon.ctr(&["snapshots", "--snapshotter", "overlayfs", "prepare", &format!("{id}-snapshot"), &parent]);
}

async fn create_task(channel: &Channel, id: &str, fifo: &impl Fn(&str) -> PathBuf) {
    let request =
        api::snapshots::MountsRequest { snapshotter: "overlayfs".to_owned(), key: format!("{id}-snapshot") };
    let request = with_namespace!(request, namespace());
    let mut snapshots = api::snapshots::snapshots_client::SnapshotsClient::new(channel.clone());
    let rootfs = snapshots.mounts(request).await.unwrap().into_inner().mounts;
    let request = api::CreateTaskRequest {
        container_id: id.to_owned(),
        rootfs,
        stdout: fifo("stdout").display().to_string(),
        stderr: fifo("stderr").display().to_string(),
        ..api::CreateTaskRequest::default()
    };
    let request = with_namespace!(request, namespace());
    api::tasks_client::TasksClient::new(channel.clone()).create(request).await.unwrap();
}

/// The id of the image's only layer, which is the name of its snapshot.
fn chain_id(daemon: &Daemon, image: &str) -> String {
    let listed = daemon.ctr(&["images", "list", &format!("name=={image}")]);
    let digest = listed.split_whitespace().find(|word| word.starts_with("sha256:")).unwrap().to_owned();
    let read =
        |digest: &str| -> Value { serde_json::from_str(&daemon.ctr(&["content", "get", digest])).unwrap() };
    let mut manifest = read(&digest);
    if let Some(inner) = manifest["manifests"][0]["digest"].as_str() {
        manifest = read(inner);
    }
    let layers = read(manifest["config"]["digest"].as_str().unwrap())["rootfs"]["diff_ids"].clone();
    assert_eq!(layers.as_array().unwrap().len(), 1, "{layers}");
    layers[0].as_str().unwrap().to_owned()
}

/// containerd's default spec with what that driver changes.
fn spec(daemon: &Daemon, config: &TaskConfig, id: &str, script: &str) -> Value {
    let mut spec: Value = serde_json::from_str(&daemon.ctr(&["oci", "spec"])).unwrap();
    let mut env = vec!["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned()];
    env.extend(
        config.env.iter().filter(|(key, _)| *key != "PATH").map(|(key, value)| format!("{key}={value}")),
    );
    spec["process"]["terminal"] = json!(false);
    spec["process"]["args"] = json!(["/bin/sh", "-c", script]);
    spec["process"]["env"] = json!(env);
    spec["root"]["path"] = json!("rootfs");
    spec["hostname"] = json!(id);
    spec["linux"]["cgroupsPath"] = json!(format!("/{}/{id}", namespace()));
    spec["linux"]["resources"]["memory"] = json!({ "limit": 64 << 20 });
    spec["linux"]["resources"]["cpu"] = json!({ "shares": 100 });
    let own = Path::new(&config.alloc_dir).join(&config.name);
    let hosts = own.join("local/etc_hosts");
    fs::create_dir_all(own.join("local")).unwrap();
    fs::create_dir_all(own.join("secrets")).unwrap();
    fs::write(&hosts, "127.0.0.1 localhost\n").unwrap();
    let mut mount = |source: &Path, target: &str, access: &str| {
        let mount =
            json!({ "type": "bind", "source": source, "destination": target, "options": ["rbind", access] });
        spec["mounts"].as_array_mut().unwrap().push(mount);
    };
    mount(Path::new("/etc/resolv.conf"), "/etc/resolv.conf", "ro");
    mount(&own.join("secrets"), &config.env["NOMAD_SECRETS_DIR"], "rw");
    mount(&own.join("local"), &config.env["NOMAD_TASK_DIR"], "rw");
    mount(&Path::new(&config.alloc_dir).join("alloc"), &config.env["NOMAD_ALLOC_DIR"], "rw");
    mount(&hosts, "/etc/hosts", "rw");
    spec
}

/// That driver's copying of one FIFO into one of Nomad's pipes.
#[derive(Debug)]
struct Copier {
    thread: JoinHandle<()>,
    stop: PipeWriter,
}

impl Copier {
    fn start(from: &Path, to: &Path) -> Self {
        fifo::make(from).unwrap();
        let from = fifo::open_read(from).unwrap();
        let to = File::options().read(true).write(true).open(to).unwrap();
        let (told, stop) = std::io::pipe().unwrap();
        Self { thread: std::thread::spawn(move || copy(from, to, told.into())), stop }
    }

    fn stop(self) {
        drop(self.stop);
        self.thread.join().unwrap();
    }
}

/// Copies until nobody writes any more, or until it is told to stop.
fn copy(from: OwnedFd, mut to: File, told: OwnedFd) {
    let mut from = File::from(from);
    let mut buffer = [0; 4096];
    let mut written = false;
    loop {
        // A pipe that is said to be ready takes as much as is read here: what was read is always written.
        for (pipe, events) in [(from.as_fd(), PollFlags::IN), (to.as_fd(), PollFlags::OUT)] {
            let mut ends = [PollFd::from_borrowed_fd(pipe, events), PollFd::new(&told, PollFlags::IN)];
            rustix::event::poll(&mut ends, None).unwrap();
            if !ends[1].revents().is_empty() {
                return;
            }
        }
        match from.read(&mut buffer) {
            Ok(0) if written => return,
            Ok(0) => {}
            Ok(count) => {
                to.write_all(&buffer[..count]).unwrap();
                written = true;
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => panic!("{error}"),
        }
    }
}
