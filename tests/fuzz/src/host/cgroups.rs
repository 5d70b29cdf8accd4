//! Files of cgroups: which are mounted, what they used, lists of CPUs.

use std::path::{Component, Path};

use linux_host::cgroup::stats::StatsReader;
use linux_host::cgroup::{CgroupMounts, Controllers, Placement, TaskCgroup, place};
use linux_host::id_list::IdList;

use super::with_directory;
use crate::target::Target;

const V1: &str = "30 24 0:26 / /sys/fs/cgroup ro shared:9 - tmpfs tmpfs ro\n\
    31 30 0:27 / /sys/fs/cgroup/unified rw shared:10 - cgroup2 cgroup2 rw,nsdelegate\n\
    33 30 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:12 - cgroup cgroup rw,cpu,cpuacct\n\
    35 30 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n\
    34 30 0:30 / /mnt/a\\040b\\134 rw - cgroup cgroup rw,memory\n";
const V2: &str = "31 24 0:27 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n";

pub(crate) const MOUNTS: Target = Target {
    name: "mounts",
    run: mounts,
    seeds: || {
        let texts = [
            format!("{V1}\0/sys/fs/cgroup/cpuset/nomad/share\0cpu"),
            format!("{V1}\0/sys/fs/cgroup/cpuset/nomad/reserve/3b7b.web\0"),
            format!(
                "{V2}\0/sys/fs/cgroup/nomad.slice/share.slice/3b7b.web.scope\0cpuset cpu io memory pids\n"
            ),
            format!("{V2}\0\0memory"),
        ];
        texts.map(String::into_bytes).to_vec()
    },
    longest: 2048,
};

pub(crate) const STATS: Target = Target {
    name: "stats",
    run: stats,
    seeds: || {
        let files = [
            "usage_usec 7\nuser_usec 4\nsystem_usec 3\nnr_throttled 7\nthrottled_usec 3456\n",
            "anon 81920\nfile 40960\nfile_mapped 1\nkernel_stack 4096\nslab 8192\n",
            "131072\n",
            "oom 1\noom_kill 2\n",
            "12\n7\n",
        ];
        vec![files.join("\0").into_bytes(), files.map(|_| "18446744073709551615").join("\0").into_bytes()]
    },
    longest: 2048,
};

pub(crate) const ID_LIST: Target = Target {
    name: "id-list",
    run: id_list,
    seeds: || ["0-2,7\n", "", "0-65535", "1,2,3,1-4\x000-3"].map(|text| text.as_bytes().to_vec()).to_vec(),
    longest: 512,
};

/// A table of mounts, the client's cpuset and the root's controllers, divided by NUL: the place of a task is beneath its
/// mount, and no part of it climbs.
fn mounts(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let mut parts = text.splitn(3, '\0');
    let mut part = || parts.next().unwrap_or_default();
    let Ok(mounts) = CgroupMounts::parse(part()) else { return false };
    let (cpuset, words) = (part(), part());
    assert_eq!(Controllers::of(&mounts, words).mode(), mounts.mode());
    match place(&mounts, cpuset, "alloc", "task") {
        Ok(placement) => {
            let Placement { cgroups_path, .. } = &placement;
            let mut parts = cgroups_path.components();
            assert_eq!(parts.next(), Some(Component::RootDir), "{placement:?}");
            assert!(parts.all(|part| matches!(part, Component::Normal(_))), "{placement:?}");
            assert_ne!(cgroups_path, Path::new("/"), "{placement:?}");
            if let Some(reserved) = placement.reserved_cpuset() {
                assert!(reserved.is_absolute(), "{placement:?}");
            }
            true
        }
        Err(_) => false,
    }
}

/// The files of a cgroup on v2, divided by NUL; the reader takes them as they are, twice alike.
fn stats(bytes: &[u8]) -> bool {
    const FILES: [&str; 5] = ["cpu.stat", "memory.stat", "memory.current", "memory.events", "cgroup.procs"];
    with_directory(|dir| {
        let inside = dir.join("a.scope");
        std::fs::create_dir_all(&inside).unwrap();
        let mut parts = bytes.splitn(FILES.len(), |byte| *byte == 0);
        for name in FILES {
            std::fs::write(inside.join(name), parts.next().unwrap_or_default()).unwrap();
        }
        let table = format!("31 24 0:27 / {} rw - cgroup2 cgroup2 rw\n", dir.display());
        let cgroup = TaskCgroup::new(CgroupMounts::parse(&table).unwrap(), Path::new("/a.scope"));
        let reader = StatsReader::open(&cgroup).unwrap();
        let sample = reader.sample().unwrap();
        assert_eq!(reader.sample().unwrap(), sample);
        if let Ok(pids) = cgroup.pids() {
            assert!(pids.is_sorted());
        }
        let _damaged = cgroup.oom_kills();
        sample.cpu.usage_ns.is_some() || sample.memory.usage.is_some()
    })
}

/// Two lists, divided by NUL. One that is read is written so that it reads as the same; each covers itself, and the
/// empty one is covered by all.
fn id_list(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let (first, second) = text.split_once('\0').unwrap_or((&text, ""));
    let (Some(first), Some(second)) = (IdList::parse(first), IdList::parse(second)) else { return false };
    for list in [&first, &second] {
        assert_eq!(IdList::parse(&list.to_string()).as_ref(), Some(list));
        assert!(list.covers(list));
    }
    let none = IdList::parse("").unwrap();
    assert!(first.covers(&none));
    assert!(!none.covers(&first) || first == none);
    // Together they cover both.
    if !first.to_string().is_empty() && !second.to_string().is_empty() {
        let both = IdList::parse(&format!("{first},{second}")).unwrap();
        assert!(both.covers(&first) && both.covers(&second));
    }
    true
}
