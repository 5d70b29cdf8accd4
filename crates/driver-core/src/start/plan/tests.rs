//! How job, image and host facts join to a plan.

use super::*;
use crate::testing::spec;

fn image() -> Image {
    Image {
        name: "docker.io/library/redis:7".into(),
        entrypoint: vec!["entry".into()],
        cmd: vec!["cmd".into(), "arg".into()],
        env: vec!["PATH=/image".into(), "A=image".into()],
        working_dir: "/data".into(),
        ..Image::default()
    }
}

fn args_of(change: impl FnOnce(&mut crate::request::options::TaskOptions)) -> String {
    let mut task = spec("web");
    change(&mut task.options);
    args(&task, &image()).map_or_else(|refusal| refusal.to_string(), |args| args.join(" "))
}

#[test]
fn without_options_the_image_decides() {
    assert_eq!(args_of(|_| {}), "entry cmd arg");
}

#[test]
fn a_command_replaces_cmd_behind_the_entrypoint() {
    assert_eq!(args_of(|options| options.command = Some("run".into())), "entry run");
    assert_eq!(args_of(|options| options.args = vec!["-v".into()]), "entry -v");
}

#[test]
fn an_entrypoint_drops_the_images_cmd() {
    assert_eq!(args_of(|options| options.entrypoint = vec!["sh".into()]), "sh");
    let both = args_of(|options| {
        options.entrypoint = vec!["sh".into()];
        options.command = Some("-c".into());
        options.args = vec!["true".into()];
    });
    assert_eq!(both, "sh -c true");
}

#[test]
fn an_empty_entrypoint_is_none_at_all() {
    let none = |args: &[&str]| {
        args_of(|options| {
            options.entrypoint = vec![String::new()];
            options.args = args.iter().map(|&arg| arg.to_owned()).collect();
        })
    };
    assert_eq!(none(&["sh", "-c"]), "sh -c");
    assert_eq!(
        none(&[]),
        r#"entrypoint = "": without an entry point the program is that of command or args"#
    );
}

#[test]
fn an_image_without_a_program_needs_a_command() {
    let refusal = args(&spec("web"), &Image { name: "scratch".into(), ..Image::default() }).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        r#"command = "": image scratch names no program of its own: set command or entrypoint"#
    );
}

#[test]
fn the_tasks_environment_wins_over_the_images() {
    let mut task = spec("web");
    task.env.0.insert("A".into(), "task".into());
    let env = env(&task, &image(), "host-1");
    let last = |name: &str| env.iter().rfind(|(known, _)| known == name).map(|(_, value)| value.as_str());
    assert_eq!((last("A"), last("PATH"), last("HOSTNAME")), (Some("task"), Some("/image"), Some("host-1")));
}

#[test]
fn the_working_directory_is_the_jobs_else_the_images_else_the_root() {
    let mut task = spec("web");
    assert_eq!(cwd(&task, &image()), Path::new("/data"));
    assert_eq!(cwd(&task, &Image::default()), Path::new("/"));
    task.options.cwd = Some("/srv".into());
    assert_eq!(cwd(&task, &image()), Path::new("/srv"));
}

#[test]
fn a_volume_at_the_place_of_an_own_mount_replaces_it() {
    let task = spec("web");
    let volumes = [bind(Path::new("/srv/hosts"), "/etc/hosts", Access::ReadOnly)];
    let files = NetworkFiles {
        hostname: "h".into(),
        hostname_file: "/s/hostname".into(),
        hosts: "/s/hosts".into(),
        resolv_conf: Some("/s/resolv.conf".into()),
    };
    let hosts: Vec<_> = mounts(&task, &files, (Path::new("/s/logs"), &[]), (Vec::new(), &volumes, &[]))
        .into_iter()
        .filter(|m| m.destination == Path::new("/etc/hosts"))
        .collect();
    assert_eq!(hosts, volumes);
}

#[test]
fn the_log_directory_is_read_only_wherever_it_is_seen() {
    let files = NetworkFiles {
        hostname: "h".into(),
        hostname_file: "/s/hostname".into(),
        hosts: "/s/hosts".into(),
        resolv_conf: None,
    };
    let places = ["/x/logs".into()];
    let all = mounts(&spec("web"), &files, (Path::new("/s/logs"), &places), (Vec::new(), &[], &[]));
    let of_logs: Vec<_> = all.iter().filter(|mount| mount.source() == Some(Path::new("/s/logs"))).collect();
    let told: Vec<_> = of_logs.iter().map(|mount| (mount.destination.as_path(), mount.access)).collect();
    assert_eq!(
        told,
        [(Path::new("/alloc/logs"), Access::ReadOnly), (Path::new("/x/logs"), Access::ReadOnly)]
    );
}

#[test]
fn the_jobs_options_arrive_in_the_plan() {
    let mut task = spec("web");
    task.options.hostname = "db-1".into();
    task.options.readonly_rootfs = true;
    task.options.sysctl.insert("net.core.somaxconn".into(), "512".into());
    task.options.pids_limit = 50;
    task.options.file_limit = 64;
    task.options.shm_size = "1m".into();
    task.options.pid_mode = "host".into();
    task.options.ipc_mode = "private".into();
    task.options.cap_drop = vec!["all".into()];
    task.options.cpuset_cpus = "0".into();
    task.options.cpuset_mems = "0".into();
    let plan = draft_of(&task).unwrap();
    assert_eq!(plan.hostname, "db-1");
    assert_eq!(plan.rootfs.access, Access::ReadOnly);
    assert_eq!(plan.sysctl, task.options.sysctl);
    assert_eq!(plan.resources.pids, PidsLimit::Most(50));
    assert_eq!(plan.rlimits[&oci_builder::LimitKind::OpenFiles], oci_builder::Limit::fixed(64));
    assert_eq!(plan.shm_size_bytes, 1 << 20);
    assert_eq!(plan.pid, oci_builder::NamespaceMode::Host);
    assert_eq!((plan.ipc, plan.uts), (oci_builder::NamespaceMode::Own, oci_builder::NamespaceMode::Own));
    assert!(plan.capabilities.is_empty());
    assert_eq!((plan.resources.cpu.cpuset_cpus, plan.resources.cpu.cpuset_mems), ("0".into(), "0".into()));
}

#[test]
fn what_no_container_can_have_is_refused_before_there_is_one() {
    let told = |change: fn(&mut crate::request::options::TaskOptions)| {
        let mut task = spec("web");
        let dirs = &mut task.dirs;
        (dirs.shared, dirs.local, dirs.secrets) = ("/a".into(), "/b".into(), "/c".into());
        change(&mut task.options);
        draft_of(&task).and_then(|plan| Ok(oci_builder::build(plan)?)).unwrap_err().to_string()
    };
    let told = [
        told(|options| options.sysctl = [("kernel.panic".into(), "1".into())].into()),
        told(|options| {
            options.host_network = true;
            options.sysctl = [("net.core.somaxconn".into(), "1".into())].into();
        }),
        told(|options| options.cpuset_cpus = "all".into()),
        told(|options| options.cpuset_mems = "-1".into()),
    ];
    expect_test::expect![[r#"
        sysctl: "kernel.panic" is a parameter of the whole host (accepted: net.*, fs.mqueue.*, kernel.domainname and System V IPC's kernel.msg*, kernel.sem, kernel.shm*)
        sysctl: "net.core.somaxconn" would change the host, whose network namespace the task is in (accepted: parameters of namespaces that are the task's own)
        cpuset_cpus = "all": must be a list of CPUs such as "0-2,7"
        cpuset_mems = "-1": must be a list of memory nodes such as "0-1""#]]
    .assert_eq(&told.join("\n"));
}

#[test]
fn what_comes_with_devices_has_the_last_word() {
    let mut task = spec("web");
    task.env.0.insert("A".into(), "task".into());
    let library = bind(Path::new("/usr/lib/vendor"), "/local", Access::ReadOnly);
    let extras = Extras {
        env: vec![("A".into(), "device".into())],
        mounts: vec![library.clone()],
        gids: vec![44, 44],
        ..Extras::default()
    };
    let plan = draft_with(&task, extras).unwrap();
    assert_eq!(plan.env.last(), Some(&("A".to_owned(), "device".to_owned())));
    let local: Vec<_> = plan.mounts.iter().filter(|mount| mount.destination == Path::new("/local")).collect();
    assert_eq!((local, plan.user.additional_gids), (vec![&library], vec![44]));
}

fn draft_of(task: &TaskSpec) -> Result<Plan, Refusal> {
    draft_with(task, Extras::default())
}

fn draft_with(task: &TaskSpec, extras: Extras) -> Result<Plan, Refusal> {
    let config = crate::PluginConfig::default();
    let rules = crate::admission::Rules {
        config: &config,
        host: crate::node::host::Host::read(),
        allow_caps: oci_builder::CapabilitySet::ALL,
    };
    let grant = crate::admission::check(task, rules)?;
    let seccomp = oci_builder::Seccomp::Unconfined;
    crate::start::trial::draft(
        task,
        &Admitted {
            grant,
            devices: Vec::new(),
            extras,
            seccomp,
            mounts: Vec::new(),
            volumes: Vec::new(),
            log_places: Vec::new(),
        },
    )
}
