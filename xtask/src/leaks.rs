//! What tests left behind: the state of the host before and after, and of the private containerd after. Of the host only
//! that counts what tests can have made; it lives on beside them.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags};
use rustix::fs::{FlockOperation, flock};

use crate::containerd::{self, Instance, Private};
use crate::process::{self, Seen};
use crate::{environment, files};

/// Where the cgroups of tasks are: on v1, on v2.
const PARENTS: [&str; 2] = ["nomad", "nomad.slice"];

/// The client's own partitions, which stay as long as the host runs.
const PARTITIONS: [&str; 4] = ["share", "reserve", "share.slice", "reserve.slice"];

/// The directory of named network namespaces.
const NETNS: &str = "/run/netns";

/// The directories in which tests mount something, each as the one above it and the begin of its name: those of the
/// end-to-end tests, of the adapter's, of the agent tests' runs, and the ones of the driver and of `run` by default.
const PLACES: [(&str, &str); 4] =
    [("/run", "cb-"), RUNS, ("/run", "containerd-driver"), ("/var/lib", "containerd-driver-run")];

/// How the names of tests' directories for temporary files begin.
const TEMPORARY: [&str; 2] = ["containerd-driver-e2e.", ".tmp"];

/// What counts of a host: mounts in tests' directories, network namespaces and cgroups named after allocations.
pub(crate) struct Host {
    things: BTreeSet<String>,
}

impl Host {
    /// Looks at the host as it is now.
    ///
    /// # Errors
    /// Something can not be read.
    pub(crate) fn now() -> Result<Self> {
        let (mounts, namespaces) = (containerd::mount_points()?, files::entries(Path::new(NETNS))?);
        Ok(Self::counted(mounts, namespaces, task_cgroups()?, &std::env::temp_dir()))
    }

    fn counted(
        mounts: Vec<PathBuf>,
        namespaces: Vec<PathBuf>,
        cgroups: Vec<PathBuf>,
        temporary: &Path,
    ) -> Self {
        let mounts = mounts.into_iter().filter(|path| is_of_tests(path, temporary));
        let named = [("mount", mounts.collect()), ("network namespace", after_allocations(namespaces))];
        let named = named.into_iter().chain([("cgroup", after_allocations(cgroups))]);
        let shown = |(kind, paths): (&str, Vec<PathBuf>)| {
            paths.iter().map(|path| format!("{kind} {}", path.display())).collect::<Vec<_>>()
        };
        Self { things: named.flat_map(shown).collect() }
    }

    /// As [`Host::now`], without what belongs to runs of the agent tests that live beside this one.
    fn now_of_this_run() -> Result<Self> {
        let runs = living_runs()?;
        let mut host = Self::now()?;
        host.things.retain(|thing| !runs.iter().any(|run| belongs(thing, run)));
        Ok(host)
    }

    /// What is there now and was not before.
    fn since(&self, before: &Self) -> Vec<String> {
        self.things.difference(&before.things).cloned().collect()
    }
}

/// Whether a mount lies in a directory that tests make. Those of private containerds are looked at by their bundles.
fn is_of_tests(mount: &Path, temporary: &Path) -> bool {
    let lies = |above: &Path, begin: &str| {
        let beneath = mount.strip_prefix(above).ok().and_then(|rest| rest.components().next());
        beneath.is_some_and(|name| name.as_os_str().to_string_lossy().starts_with(begin))
    };
    PLACES.iter().any(|(above, begin)| lies(Path::new(above), begin))
        || TEMPORARY.iter().any(|begin| lies(temporary, begin))
}

/// Those that are named after an allocation, or lie in one that is.
fn after_allocations(paths: Vec<PathBuf>) -> Vec<PathBuf> {
    paths.into_iter().filter(|path| has_allocation(path)).collect()
}

/// Whether a part of the path is `<id>` or `<id>.…` of an allocation.
fn has_allocation(path: &Path) -> bool {
    path.iter().any(|part| is_uuid(part.to_string_lossy().split('.').next().unwrap_or_default()))
}

/// Whether a text has the form of a UUID (RFC 9562, section 4).
fn is_uuid(text: &str) -> bool {
    let fits = |(place, byte): (usize, u8)| match place {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    text.len() == 36 && text.bytes().enumerate().all(fits)
}

/// Where the agent tests have the directories of their runs, and how the names begin.
const RUNS: (&str, &str) = ("/var/tmp", "cd-");

/// The directories of runs that live: each holds the lock in its own.
fn living_runs() -> Result<Vec<PathBuf>> {
    let mut runs = files::entries(Path::new(RUNS.0))?;
    runs.retain(|run| {
        let lock = File::open(run.join("lock"));
        files::name(run).starts_with(RUNS.1)
            && lock.is_ok_and(|lock| flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err())
    });
    Ok(runs)
}

/// Whether a thing lies in the directory of a run, or is named after an allocation there: `<id>` or `<id>.<task>`.
fn belongs(thing: &str, run: &Path) -> bool {
    let Some((_, path)) = thing.rsplit_once(' ') else { return false };
    let name = files::name(Path::new(path));
    let alloc = name.split('.').next().filter(|id| !id.is_empty());
    let has = |agent: PathBuf| alloc.is_some_and(|alloc| agent.join("alloc").join(alloc).is_dir());
    Path::new(path).starts_with(run) || files::entries(run).unwrap_or_default().into_iter().any(has)
}

/// What is there since then and stays. Runs beside this one have mounts and cgroups as well, and take theirs away.
fn staying(before: &Host, deadline: Instant, mut look: impl FnMut() -> Result<Host>) -> Result<Vec<String>> {
    let mut left = look()?.since(before);
    let mounts = File::open("/proc/self/mountinfo").context("can not watch the mounts of this host")?;
    while !left.is_empty() {
        // The table of mounts announces its changes (proc(5)); cgroups and network namespaces are looked at.
        let latest = Instant::now() + Duration::from_secs(1);
        process::wait_any(&mut [PollFd::new(&mounts, PollFlags::PRI)], latest.min(deadline));
        let now = look()?;
        left.retain(|thing| now.things.contains(thing));
        if Instant::now() >= deadline {
            break;
        }
    }
    Ok(left)
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
const PATIENCE: Duration = Duration::from_secs(30);

/// How long one test of another run on this host may hold things of its own.
const NEIGHBOURS: Duration = Duration::from_secs(90);

/// Everything that is left of a test run, one line each.
///
/// # Errors
/// The host or the containerd can not be asked.
pub(crate) fn left(before: &Host, private: &Private, mark: &str) -> Result<Vec<String>> {
    let deadline = Instant::now() + PATIENCE;
    let mut left = running_on(marked_processes(mark), "process", deadline);
    left.extend(running_on(containerd::shims(&private.instance), "shim", deadline));
    left.extend(staying(before, Instant::now() + NEIGHBOURS, Host::now_of_this_run)?);
    left.extend(in_containerd(private)?);
    left.extend(bundles(&private.instance));
    Ok(left)
}

/// Those of the processes that do not end by themselves in time.
fn running_on(processes: Vec<Seen>, what: &str, deadline: Instant) -> Vec<String> {
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

/// Containers, tasks, leases, sandbox records and snapshots that are not part of an image, in every namespace.
fn in_containerd(private: &Private) -> Result<Vec<String>> {
    let has_sandboxes = has_sandboxes(&process::text(private.ctr().args(["plugins", "list"]))?);
    let mut left = Vec::new();
    for namespace in process::text(private.ctr().args(["namespaces", "list", "-q"]))?.lines() {
        for (what, kind) in [("containers", "container"), ("tasks", "task"), ("leases", "lease")] {
            let said = process::text(private.ctr().args(["--namespace", namespace, what, "list", "-q"]))?;
            left.extend(said.lines().map(|id| format!("{kind} {id} in namespace {namespace}")));
        }
        if has_sandboxes {
            let said = process::text(private.ctr().args(["--namespace", namespace, "sandboxes", "list"]))?;
            let sandboxes = said.lines().skip(1).filter_map(|line| line.split_whitespace().next());
            left.extend(sandboxes.map(|id| format!("sandbox {id} in namespace {namespace}")));
        }
        let said = process::text(private.ctr().args(["--namespace", namespace, "snapshots", "list"]))?;
        let active = active_snapshots(&said);
        left.extend(active.map(|key| format!("snapshot {key} in namespace {namespace}")));
    }
    Ok(left)
}

/// Whether `ctr plugins list` names the store of sandbox records, which daemons have from 1.7 on.
fn has_sandboxes(said: &str) -> bool {
    said.lines().any(|line| line.split_whitespace().take(2).eq(["io.containerd.grpc.v1", "sandboxes"]))
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
    fn sandbox_records_are_asked_for_where_they_are_kept() {
        let before = "TYPE                     ID             PLATFORMS    STATUS    \n\
                      io.containerd.grpc.v1    snapshots      -            ok        \n";
        assert!(!has_sandboxes(before));
        assert!(has_sandboxes(&format!("{before}io.containerd.grpc.v1    sandboxes      -            ok")));
    }

    #[test]
    fn what_a_neighbour_takes_away_is_not_left_behind_and_what_stays_is() {
        let host = |things: &[&str]| things.iter().map(|thing| (*thing).to_owned()).collect();
        let mut seen = [&["/", "/theirs", "/ours"][..], &["/", "/ours", "/later"]].into_iter().cycle();
        let look = || Ok(Host { things: host(seen.next().unwrap()) });
        let before = Host { things: host(&["/"]) };
        let deadline = Instant::now() + Duration::from_millis(100);
        assert_eq!(staying(&before, deadline, look).unwrap(), ["/ours"]);
        let nothing = || Ok(Host { things: host(&["/"]) });
        assert!(staying(&before, deadline, nothing).unwrap().is_empty());
    }

    #[test]
    fn mounts_cgroups_and_namespaces_of_a_neighbours_allocations_are_the_neighbours() {
        let run = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(run.path().join("one/alloc/a1-b2")).unwrap();
        for thing in ["cgroup /x/nomad/a1-b2.task", "network namespace /run/netns/a1-b2"] {
            assert!(belongs(thing, run.path()), "{thing}");
        }
        assert!(belongs(&format!("mount {}/one/alloc/a1-b2/web/secrets", run.path().display()), run.path()));
        for thing in ["cgroup /x/nomad/c3-d4.task", "mount /elsewhere", "network namespace /run/netns/c3"] {
            assert!(!belongs(thing, run.path()), "{thing}");
        }
    }

    #[test]
    fn only_mounts_in_directories_of_tests_count() {
        let counts = |path: &str| is_of_tests(Path::new(path), Path::new("/tmp"));
        for path in [
            "/tmp/containerd-driver-e2e.Ab12/alloc/web/secrets",
            "/tmp/.tmpAb12",
            "/run/cb-Ab12/state/x",
            "/var/tmp/cd-agent-1/one/alloc",
            "/run/containerd-driver/tasks/web/staged/0",
            "/var/lib/containerd-driver-run/allocs/a1/web/secrets",
        ] {
            assert!(counts(path), "{path}");
        }
        for path in [
            "/sys/kernel/tracing",
            "/run/netns",
            "/run/user/0",
            "/tmp",
            "/tmp/of-somebody/.tmpAb12",
            "/home/cd-collection",
            "/run/xtask-containerd.Ab12/state/x",
            "/var/lib/docker/overlay2/x/merged",
        ] {
            assert!(!counts(path), "{path}");
        }
    }

    #[test]
    fn only_namespaces_and_cgroups_that_are_named_after_an_allocation_count() {
        let id = "5f5a7d0c-0000-4000-8000-00000000000a";
        for path in [
            format!("/run/netns/{id}"),
            format!("/sys/fs/cgroup/cpu/nomad/{id}.web"),
            format!("/sys/fs/cgroup/nomad.slice/share.slice/{id}.web.scope/inner"),
        ] {
            assert!(has_allocation(Path::new(&path)), "{path}");
        }
        for path in
            ["/run/netns/blue", "/sys/fs/cgroup/cpu/nomad/other", "/sys/fs/cgroup/nomad.slice/x.scope"]
        {
            assert!(!has_allocation(Path::new(path)), "{path}");
        }
        for text in
            ["", &id[1..], "5f5a7d0c_0000-4000-8000-00000000000a", "5f5a7d0c-0000-4000-8000-00000000000g"]
        {
            assert!(!is_uuid(text), "{text}");
        }
    }

    #[test]
    fn what_the_host_makes_in_the_middle_of_a_run_is_no_leak_and_what_a_test_leaves_is() {
        let id = "5f5a7d0c-0000-4000-8000-00000000000a";
        let paths = |paths: &[String]| paths.iter().map(PathBuf::from).collect::<Vec<_>>();
        let host = |mounts: &[String], namespaces: &[String], cgroups: &[String]| {
            Host::counted(paths(mounts), paths(namespaces), paths(cgroups), Path::new("/tmp"))
        };
        let before = host(&["/".into()], &[], &[]);
        let theirs = host(
            &["/".into(), "/sys/kernel/tracing".into(), "/run/user/0".into(), "/mnt/disk".into()],
            &["/run/netns/blue".into()],
            &["/sys/fs/cgroup/cpu/nomad/other".into()],
        );
        assert_eq!(theirs.since(&before), [] as [String; 0]);
        let ours = host(
            &["/tmp/containerd-driver-e2e.Ab12/a1/web/secrets".into()],
            &[format!("/run/netns/{id}")],
            &[format!("/sys/fs/cgroup/cpu/nomad/{id}.web")],
        );
        assert_eq!(ours.since(&before).len(), 3);
    }

    #[test]
    fn what_was_there_before_is_not_left_behind() {
        let host =
            |things: &[&str]| Host { things: things.iter().map(|thing| (*thing).to_owned()).collect() };
        assert_eq!(host(&["mount /a", "mount /b"]).since(&host(&["mount /a"])), ["mount /b"]);
    }
}
