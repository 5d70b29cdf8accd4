//! What tests left behind: the state of the host before and after, and of the private containerd after.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::containerd::{self, Instance, Private};
use crate::process::{self, Seen};
use crate::{environment, files};

/// Where the cgroups of tasks are: on v1, on v2.
const PARENTS: [&str; 2] = ["nomad", "nomad.slice"];

/// The client's own partitions, which stay as long as the host runs.
const PARTITIONS: [&str; 4] = ["share", "reserve", "share.slice", "reserve.slice"];

/// The directory of named network namespaces; `ip` mounts it on itself, once for the host's life.
const NETNS: &str = "/run/netns";

/// What counts of a host: mounts, named network namespaces, the cgroups of tasks.
pub(crate) struct Host {
    things: BTreeSet<String>,
}

impl Host {
    /// Looks at the host as it is now.
    ///
    /// # Errors
    /// Something can not be read.
    pub(crate) fn now() -> Result<Self> {
        let mut things = BTreeSet::new();
        for mount in containerd::mount_points()? {
            if !containerd::is_of_an_instance(&mount) && mount != Path::new(NETNS) {
                things.insert(format!("mount {}", mount.display()));
            }
        }
        for netns in files::entries(Path::new(NETNS))? {
            things.insert(format!("network namespace {}", netns.display()));
        }
        for cgroup in task_cgroups()? {
            things.insert(format!("cgroup {}", cgroup.display()));
        }
        Ok(Self { things })
    }

    /// What is there now and was not before.
    fn since(&self, before: &Self) -> Vec<String> {
        self.things.difference(&before.things).cloned().collect()
    }
}

/// The cgroups beneath `nomad` and `nomad.slice` of every hierarchy.
fn task_cgroups() -> Result<Vec<PathBuf>> {
    let roots = containerd::hierarchies();
    let mut open: Vec<PathBuf> = roots.iter().flat_map(|root| PARENTS.map(|name| root.join(name))).collect();
    let mut found = Vec::new();
    while let Some(dir) = open.pop() {
        for child in files::entries(&dir)?.into_iter().filter(|path| path.is_dir()) {
            if !PARTITIONS.contains(&files::name(&child).as_str()) {
                found.push(child.clone());
            }
            open.push(child);
        }
    }
    Ok(found)
}

/// How long what is on its way out may take: a shim ends after its task was deleted.
const PATIENCE: Duration = Duration::from_secs(5);

/// Everything that is left of a test run, one line each.
///
/// # Errors
/// The host or the containerd can not be asked.
pub(crate) fn left(before: &Host, private: &Private, mark: &str) -> Result<Vec<String>> {
    let deadline = Instant::now() + PATIENCE;
    let mut left = staying(marked_processes(mark), "process", deadline);
    left.extend(staying(containerd::shims(&private.instance), "shim", deadline));
    left.extend(bundles(&private.instance));
    left.extend(Host::now()?.since(before));
    left.extend(in_containerd(private)?);
    Ok(left)
}

/// Those of the processes that do not end by themselves in time.
fn staying(processes: Vec<Seen>, what: &str, deadline: Instant) -> Vec<String> {
    let stays = processes.into_iter().filter(|seen| !process::gone(seen.pid, deadline));
    stays.map(|seen| format!("{what} {} ({})", seen.pid, seen.args.join(" "))).collect()
}

fn marked_processes(mark: &str) -> Vec<Seen> {
    let needle = format!("{}={mark}", environment::TEST_RUN);
    let has = |seen: &Seen| {
        let environ = std::fs::read(format!("/proc/{}/environ", seen.pid)).unwrap_or_default();
        environ.split(|byte| *byte == 0).any(|entry| entry == needle.as_bytes())
    };
    process::all().into_values().filter(has).collect()
}

fn bundles(instance: &Instance) -> Vec<String> {
    let bundles = containerd::bundles(&instance.state);
    bundles.into_iter().map(|bundle| format!("bundle {}", bundle.display())).collect()
}

/// Containers, tasks, leases and snapshots that are not part of an image, in every namespace.
fn in_containerd(private: &Private) -> Result<Vec<String>> {
    let mut left = Vec::new();
    for namespace in process::text(private.ctr().args(["namespaces", "list", "-q"]))?.lines() {
        for (what, kind) in [("containers", "container"), ("tasks", "task"), ("leases", "lease")] {
            let said = process::text(private.ctr().args(["--namespace", namespace, what, "list", "-q"]))?;
            left.extend(said.lines().map(|id| format!("{kind} {id} in namespace {namespace}")));
        }
        let said = process::text(private.ctr().args(["--namespace", namespace, "snapshots", "list"]))?;
        let active = active_snapshots(&said);
        left.extend(active.map(|key| format!("snapshot {key} in namespace {namespace}")));
    }
    Ok(left)
}

/// The keys of what `ctr snapshots list` does not call committed.
fn active_snapshots(said: &str) -> impl Iterator<Item = &str> {
    let rows = said.lines().skip(1).filter(|line| !line.trim_end().ends_with("Committed"));
    rows.filter_map(|line| line.split_whitespace().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_snapshots_in_use_are_left_behind() {
        let said = "KEY          PARENT     KIND      \nsha256:aa               Committed \n\
                    task-1       sha256:aa  Active    \nlook-1       sha256:aa  View      \n";
        assert_eq!(active_snapshots(said).collect::<Vec<_>>(), ["task-1", "look-1"]);
    }

    #[test]
    fn what_was_there_before_is_not_left_behind() {
        let host =
            |things: &[&str]| Host { things: things.iter().map(|thing| (*thing).to_owned()).collect() };
        assert_eq!(host(&["mount /a", "mount /b"]).since(&host(&["mount /a"])), ["mount /b"]);
    }
}
