//! Takes a private containerd away: the daemon, its shims and their containers, mounts and directories.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::mount::{UnmountFlags, unmount};
use rustix::process::Signal;

use super::Instance;
use super::cgroups::Tops;
use crate::process::{self, Seen};
use crate::{files, place};

/// How long the daemon may take to stop by itself.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where shims keep runc's records unless a task's options say otherwise.
const RUNC_ROOT: &str = "/run/containerd/runc";

/// Stops and removes everything of an instance; goes on after a failure. `before` is what the cgroup
/// hierarchies held when it began.
///
/// # Errors
/// What could not be removed.
pub(crate) fn all(instance: &Instance, before: &Tops) -> Result<()> {
    let mut left = Vec::new();
    stop_daemons(instance, &mut left);
    stop_shims(instance, &mut left);
    for bundle in bundles(&instance.state) {
        remove_container(&bundle);
    }
    let namespaces = namespaces(&instance.state);
    before.remove_new(&namespaces.iter().map(|dir| files::name(dir)).collect::<Vec<_>>());
    let mounts = unmount_beneath(&[&instance.dir, &instance.root]);
    left.extend(mounts.unwrap_or_else(|error| vec![format!("{error:#}")]));
    for dir in [&instance.root, &instance.dir] {
        if let Err(error) = remove_directory(dir) {
            left.push(format!("{}: {error}", dir.display()));
        }
    }
    if !left.is_empty() {
        bail!("left behind: {}", left.join("; "));
    }
    Ok(())
}

/// Removes a directory with all that is in it. A helper of the daemon's that is on its way out may still write
/// there: what it adds is removed in another round.
fn remove_directory(dir: &Path) -> std::io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match std::fs::remove_dir_all(dir) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty && Instant::now() < deadline => {}
            other => return other,
        }
    }
}

/// The daemon of the instance, whoever started it last: it names the configuration.
fn stop_daemons(instance: &Instance, left: &mut Vec<String>) {
    let config = instance.config.display().to_string();
    let serves = |seen: &&Seen| seen.args.contains(&config) && seen.args.iter().any(|arg| arg == "--config");
    for daemon in process::all().values().filter(serves) {
        let ended = process::end(daemon.pid, Signal::TERM, PATIENCE);
        if !ended && !process::end(daemon.pid, Signal::KILL, PATIENCE) {
            left.push(format!("process {} (containerd)", daemon.pid));
        }
    }
}

/// The shims that serve this instance's socket.
pub(crate) fn shims(instance: &Instance) -> Vec<Seen> {
    let all = process::all();
    all.into_values().filter(|seen| is_shim_of(seen, &instance.address)).collect()
}

fn is_shim_of(seen: &Seen, address: &Path) -> bool {
    let program = seen.args.first().map(|program| files::name(Path::new(program))).unwrap_or_default();
    let mut flags = seen.args.windows(2);
    let named = |pair: &[String]| pair[0].ends_with("-address") && Path::new(&pair[1]) == address;
    program.starts_with("containerd-shim") && flags.any(named)
}

/// A shim's containers end before it does, so that none loses its parent and lives on.
fn stop_shims(instance: &Instance, left: &mut Vec<String>) {
    for shim in shims(instance) {
        let family = process::beneath(shim.pid, &process::all());
        for pid in family.into_iter().chain([shim.pid]) {
            if !process::end(pid, Signal::KILL, PATIENCE) {
                left.push(format!("process {pid} of the shim {}", shim.pid));
            }
        }
    }
}

/// The bundle directories: `<state>/io.containerd.runtime.v2.task/<namespace>/<id>`.
pub(crate) fn bundles(state: &Path) -> Vec<PathBuf> {
    let namespaces = namespaces(state);
    namespaces.iter().flat_map(|namespace| files::entries(namespace).unwrap_or_default()).collect()
}

/// The directories of the namespaces in which tasks ran.
fn namespaces(state: &Path) -> Vec<PathBuf> {
    files::entries(&state.join("io.containerd.runtime.v2.task")).unwrap_or_default()
}

/// Removes what a container left outside the instance: the shim's socket, runc's record, its cgroup.
fn remove_container(bundle: &Path) {
    if let Some(socket) = shim_socket(bundle) {
        let _ = std::fs::remove_file(socket);
    }
    let root = runc_root(bundle);
    if let Some(runc) = place::program("runc") {
        let mut command = Command::new(runc);
        command.arg("--root").arg(&root).args(["delete", "--force"]).arg(files::name(bundle));
        // A container that runc does not know any more is gone already.
        let _ = process::output(&mut command);
    }
    // Only an empty directory goes: the namespace may have containers of the host's own daemon.
    let _ = std::fs::remove_dir(root);
}

/// The shim's socket: recorded alone in a file up to 1.6, beside other things from 1.7 on.
fn shim_socket(bundle: &Path) -> Option<PathBuf> {
    let alone = std::fs::read_to_string(bundle.join("address")).ok();
    let address = alone.or_else(|| string_of(&bundle.join("bootstrap.json"), "address"))?;
    address.trim().strip_prefix("unix://").map(PathBuf::from)
}

/// The task's own choice of runc's directory, recorded by the shim, else the default; by namespace.
fn runc_root(bundle: &Path) -> PathBuf {
    let namespace = bundle.parent().map(files::name).unwrap_or_default();
    let chosen = string_of(&bundle.join("options.json"), "root").filter(|root| !root.is_empty());
    Path::new(chosen.as_deref().unwrap_or(RUNC_ROOT)).join(namespace)
}

/// A string out of a file that holds a JSON object.
fn string_of(path: &Path, key: &str) -> Option<String> {
    let object: serde_json::Value = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    object.get(key)?.as_str().map(str::to_owned)
}

/// Detaches what is mounted beneath directories, and tells what stays. A mount may go with another one, so the table
/// says at the end what is there, and a refusal only why.
fn unmount_beneath(dirs: &[&PathBuf]) -> Result<Vec<String>> {
    let mut refused = BTreeMap::new();
    // Later mounts may lie on earlier ones.
    for mount in mounts_beneath(dirs)?.into_iter().rev() {
        if let Err(error) = unmount(&mount, UnmountFlags::DETACH) {
            refused.insert(mount, error.to_string());
        }
    }
    let why = |mount: &PathBuf| refused.get(mount).map_or("mounted again", String::as_str);
    Ok(mounts_beneath(dirs)?
        .iter()
        .map(|mount| format!("mount {}: {}", mount.display(), why(mount)))
        .collect())
}

fn mounts_beneath(dirs: &[&PathBuf]) -> Result<Vec<PathBuf>> {
    let mut mounts = mount_points()?;
    mounts.retain(|mount| dirs.iter().any(|dir| mount.starts_with(dir)));
    Ok(mounts)
}

/// The mount points of this process, in the order of mounting.
///
/// # Errors
/// `/proc/self/mountinfo` can not be read.
pub(crate) fn mount_points() -> Result<Vec<PathBuf>> {
    let text = std::fs::read_to_string("/proc/self/mountinfo").context("can not read the mounts")?;
    Ok(text.lines().filter_map(mount_point).collect())
}

/// The mount point out of a line of mountinfo: the fifth field, with spaces and the like as octal escapes
/// (proc_pid_mountinfo(5)).
fn mount_point(line: &str) -> Option<PathBuf> {
    let field = line.split(' ').nth(4)?;
    let escapes = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    let plain = escapes.iter().fold(field.to_owned(), |text, (code, plain)| text.replace(code, plain));
    Some(PathBuf::from(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(line: &str) -> Seen {
        Seen { pid: 1, parent: 0, args: line.split(' ').map(str::to_owned).collect() }
    }

    #[test]
    fn only_shims_of_the_own_socket_are_shims_of_the_instance() {
        let own = Path::new("/run/own/containerd.sock");
        let line = "/usr/bin/containerd-shim-runc-v2 -namespace nomad -id a -address ";
        assert!(is_shim_of(&seen(&format!("{line}/run/own/containerd.sock")), own));
        assert!(!is_shim_of(&seen(&format!("{line}/run/containerd/containerd.sock")), own));
        assert!(!is_shim_of(&seen("ctr --address /run/own/containerd.sock version"), own));
    }

    #[test]
    fn mount_points_are_read_with_their_spaces() {
        let line = "36 35 98:0 / /mnt\\040two/x rw,noatime master:1 - ext3 /dev/root rw";
        assert_eq!(mount_point(line), Some(PathBuf::from("/mnt two/x")));
        assert_eq!(mount_point("short"), None);
    }

    #[test]
    fn a_shims_socket_is_found_in_either_record() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(shim_socket(dir.path()), None);
        let newer = r#"{"version":3,"address":"unix:///run/s/b","protocol":"ttrpc"}"#;
        std::fs::write(dir.path().join("bootstrap.json"), newer).unwrap();
        assert_eq!(shim_socket(dir.path()), Some(PathBuf::from("/run/s/b")));
        std::fs::write(dir.path().join("address"), "unix:///run/s/a").unwrap();
        assert_eq!(shim_socket(dir.path()), Some(PathBuf::from("/run/s/a")));
    }

    #[test]
    fn runcs_directory_is_the_tasks_choice_or_the_default() {
        let dir = tempfile::tempdir().unwrap();
        let bundle = dir.path().join("nomad/task");
        std::fs::create_dir_all(&bundle).unwrap();
        assert_eq!(runc_root(&bundle), Path::new("/run/containerd/runc/nomad"));
        std::fs::write(bundle.join("options.json"), r#"{"root":"/run/own"}"#).unwrap();
        assert_eq!(runc_root(&bundle), Path::new("/run/own/nomad"));
    }
}
