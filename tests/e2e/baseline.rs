//! The spec of a plain task beside that of the container which containerd's own client makes of the same image.

use std::collections::{BTreeMap, BTreeSet};

use e2e::spec::fields;
use e2e::{World, test};
use serde_json::Value;

/// Where the two differ, and why.
struct Row {
    /// The fields; one that ends in `…` stands for all that begin so.
    fields: &'static [&'static str],
    /// Where the difference is not everywhere: where it is.
    only: Option<&'static str>,
    containerd: Has,
    ours: Has,
    why: &'static str,
}

/// What one of the two has in a field.
#[derive(Clone, Copy)]
enum Has {
    Nothing,
    Value(&'static str),
    /// Something that no test can know beforehand.
    Something(&'static str),
}

use Has::{Nothing, Something, Value as Is};

const fn row(fields: &'static [&'static str], containerd: Has, ours: Has, why: &'static str) -> Row {
    Row { fields, only: None, containerd, ours, why }
}

const fn only(place: &'static str, row: Row) -> Row {
    Row { only: Some(place), ..row }
}

const TABLE: [Row; 16] = [
    row(
        &["ociVersion"],
        Something("its release's"),
        Is("1.0.2"),
        "The version that has all fields in use; every runtime since runc 1.0 takes it.",
    ),
    row(
        &["hostname"],
        Nothing,
        Something("the container's name"),
        "Programs want one that resolves; `hostname` sets another.",
    ),
    row(
        &["process.env HOSTNAME", "process.env NOMAD_…"],
        Nothing,
        Something("the task's"),
        "What a task knows of itself.",
    ),
    row(
        &["process.rlimits RLIMIT_NOFILE"],
        Is("1024:1024"),
        Nothing,
        "Servers need more: the limit of containerd's service is inherited; `file_limit` sets another.",
    ),
    row(
        &["process.oomScoreAdj"],
        Nothing,
        Is("0"),
        "Else a task inherits the protection that containerd's service has from the kernel's OOM killer.",
    ),
    row(
        &["mounts /sys/fs/cgroup"],
        Nothing,
        Is("cgroup cgroup nosuid,noexec,nodev,relatime,ro"),
        "Programs size themselves by their limits; as in Docker and Kubernetes they can read them.",
    ),
    row(
        &["mounts /alloc", "mounts /alloc/logs", "mounts /local", "mounts /secrets"],
        Nothing,
        Something("bound"),
        "The allocation's directories.",
    ),
    row(
        &["mounts /etc/hostname", "mounts /etc/hosts", "mounts /etc/resolv.conf"],
        Nothing,
        Something("bound"),
        "Names resolve as in the group's network.",
    ),
    row(
        &["mounts /run"],
        Something("an empty tmpfs"),
        Nothing,
        "The image's own directory, as in Docker and podman. With `readonly_rootfs` a tmpfs that begins as a copy of it.",
    ),
    row(
        &["linux.sysctl.net.ipv4.ip_unprivileged_port_start"],
        Nothing,
        Is("0"),
        "As in Docker, a server that runs as its own user may listen on port 80 of a network of its own.",
    ),
    row(
        &["linux.cgroupsPath"],
        Something("named after the container"),
        Something("the one of Nomad's agent"),
        "Agent and driver count and limit the same processes.",
    ),
    row(
        &["linux.resources.cpu.shares", "linux.resources.memory.limit"],
        Nothing,
        Something("the task's `resources`"),
        "Nomad's scheduler gave the task these.",
    ),
    only(
        "where the kernel limits swap",
        row(
            &["linux.resources.memory.swap"],
            Nothing,
            Something("as much as memory"),
            "What goes beyond the limit ends, and does not swap.",
        ),
    ),
    row(
        &["linux.resources.devices b *:* m", "linux.resources.devices c *:* m"],
        Nothing,
        Is("allowed"),
        "runc allows it unasked: nodes can be made, but not opened. Named, so that every runtime does.",
    ),
    only(
        "containerd 1.4",
        row(
            &["linux.resources.devices c 10:200 rwm"],
            Is("allowed"),
            Nothing,
            "Later releases do not give every container tunnels of networks either; `devices` does.",
        ),
    ),
    only(
        "containerd before 1.6.26 and 1.7.11",
        row(
            &["linux.maskedPaths /sys/devices/virtual/powercap"],
            Nothing,
            Is("listed"),
            "What a processor consumes tells what it computes; newer releases hide it, too.",
        ),
    ),
];

type Both = (Option<String>, Option<String>);

#[test]
fn a_plain_task_differs_from_containerds_own_container_as_the_readme_says() {
    test(async |world| {
        let task = world.task("web").command(&["/bin/sleep", "1000"]).start().await;
        let ours = spec(world, &task.container().await);
        let found = differing(&of_containerd(world), &ours);
        let mut wrong = Vec::new();
        let mut told = BTreeSet::new();
        for row in &TABLE {
            for name in row.fields {
                let matching: Vec<_> = found.iter().filter(|(field, _)| is_meant(name, field)).collect();
                if matching.is_empty() && row.only.is_none() {
                    wrong.push(format!("{name} does not differ"));
                }
                for (field, (theirs, ours)) in matching {
                    told.insert(field);
                    if !row.containerd.is(theirs.as_deref()) || !row.ours.is(ours.as_deref()) {
                        wrong.push(format!("{field} is not as told: {theirs:?} and {ours:?}"));
                    }
                }
            }
        }
        let untold = found.iter().filter(|(field, _)| !told.contains(field));
        wrong.extend(
            untold.map(|(field, (theirs, ours))| format!("{field} differs: {theirs:?} and {ours:?}")),
        );
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

#[test]
fn the_readme_tells_where_a_task_differs_from_containerds_own_container() {
    let head = "| field of the spec | `ctr` | a task | why |\n|---|---|---|---|\n".to_owned();
    let table = head + &TABLE.iter().map(Row::drawn).collect::<String>();
    let (_, shown) =
        include_str!("../../README.md").split_once("<!-- differences: held by a test -->\n\n").unwrap();
    let (shown, _) = shown.split_once("\n<!-- end of differences -->").unwrap();
    assert_eq!(shown, table, "README.md should show:\n{table}");
}

fn spec(world: &World, container: &str) -> BTreeMap<String, String> {
    let told = world.ctr(&["containers", "info", container]);
    let info: Value = serde_json::from_str(&told).unwrap();
    fields(&info["Spec"])
}

/// Of an unprivileged container with no options at all.
fn of_containerd(world: &World) -> BTreeMap<String, String> {
    let (image, id) = (world.daemon().image("busybox"), format!("{}.plain", world.alloc().id));
    world.ctr(&["containers", "create", &image, &id, "/bin/sleep", "1000"]);
    let spec = spec(world, &id);
    world.ctr(&["containers", "delete", &id]);
    spec
}

fn differing(theirs: &BTreeMap<String, String>, ours: &BTreeMap<String, String>) -> BTreeMap<String, Both> {
    let fields: BTreeSet<&String> = theirs.keys().chain(ours.keys()).collect();
    let both = fields
        .into_iter()
        .map(|field| (field.clone(), (theirs.get(field).cloned(), ours.get(field).cloned())));
    both.filter(|(_, (theirs, ours))| theirs != ours).collect()
}

fn is_meant(name: &str, field: &str) -> bool {
    name.strip_suffix('…').map_or(name == field, |begin| field.starts_with(begin))
}

impl Has {
    fn is(self, found: Option<&str>) -> bool {
        match self {
            Nothing => found.is_none(),
            Is(value) => found == Some(value),
            Something(_) => found.is_some(),
        }
    }

    fn drawn(self) -> String {
        match self {
            Nothing => "–".to_owned(),
            Is(value) => format!("`{value}`"),
            Something(what) => what.to_owned(),
        }
    }
}

impl Row {
    fn drawn(&self) -> String {
        let fields: Vec<String> = self.fields.iter().map(|field| format!("`{field}`")).collect();
        let only = self.only.map(|only| format!(" ({only})")).unwrap_or_default();
        let (theirs, ours) = (self.containerd.drawn(), self.ours.drawn());
        format!("| {}{only} | {theirs} | {ours} | {} |\n", fields.join(", "), self.why)
    }
}
