//! What a job can not have, in the exact words, and before anything is made: no registry is asked, no file written.

use std::net::TcpListener;
use std::os::unix::fs::symlink;

use e2e::task::chain;
use e2e::world::Setup;
use e2e::{TaskSetup, World, leftovers, test, test_with};
use nomad_proto::cty::Value;
use nomad_proto::pb::driver::{NetworkIsolationSpec, network_isolation_spec};

/// The registry of the refused tasks' image: whoever asks it has not refused in time.
struct Untouched(TcpListener);

impl Untouched {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    /// A task whose image is nowhere else.
    fn task(&self, world: &World) -> TaskSetup {
        let reference = format!("{}/team/tool:1", self.0.local_addr().unwrap());
        world.task("web").reference(&reference).shell("true")
    }

    /// The words of the refusal, after which nothing is there and nobody was asked.
    async fn told(&self, world: &World, setup: TaskSetup) -> String {
        let error = setup.try_start().await.expect_err("the driver starts what it should refuse");
        let left = leftovers::of(world.daemon(), &world.alloc().id, &world.state_dir());
        assert!(left.is_empty(), "after {error}: {left:#?}");
        let asked = self.0.accept().map(|_| ()).map_err(|error| error.kind());
        assert_eq!(asked, Err(std::io::ErrorKind::WouldBlock), "the registry was asked before {error}");
        assert!(!error.is_recoverable(), "{error}");
        let text = chain(&error).replace(&world.directory().display().to_string(), "…");
        text.replace(&world.alloc().id, "ALLOC")
    }

    /// The words for each of these options, one a line.
    async fn all(&self, world: &World, cases: Vec<Vec<(&str, Value)>>) -> String {
        let mut told = Vec::new();
        for case in cases {
            let setup =
                case.into_iter().fold(self.task(world), |setup, (name, value)| setup.option(name, value));
            told.push(self.told(world, setup).await);
        }
        told.join("\n")
    }
}

fn mount(source: &str, target: &str, words: &[&str]) -> Value {
    let words = words.to_vec();
    Value::List(vec![
        [("source", Value::from(source)), ("target", target.into()), ("options", words.into())].into(),
    ])
}

fn sysctl(key: &str) -> Value {
    Value::List(vec![[(key, "1")].into()])
}

#[test]
fn values_that_no_task_can_have() {
    test(async |world| {
        let tmpfs = |words: &[&str]| {
            let block = Value::from([
                ("type", Value::from("tmpfs")),
                ("target", "/x".into()),
                ("options", words.to_vec().into()),
            ]);
            Value::List(vec![block])
        };
        let at = |source, target| mount(source, target, &["rbind"]).as_list().unwrap()[0].clone();
        let twice = Value::List(vec![at("local", "/a"), at("local", "/b"), at("secrets", "/a/")]);
        let cases = vec![
            vec![("image_pull_timeout", "soon".into())],
            vec![("shm_size", "lots".into())],
            vec![("devices", vec!["/dev/fuse:x"].into())],
            vec![("devices", vec!["/dev/no-such"].into())],
            vec![("mounts", mount("local", "/x", &["sideways"]))],
            vec![("mounts", mount("local", "/x", &[]))],
            vec![("mounts", tmpfs(&["size=big"]))],
            vec![("mounts", mount("local", "/a/../b", &["rbind"]))],
            vec![("mounts", mount("other", "/b", &["rbind"]))],
            vec![("mounts", twice)],
            vec![("cap_add", vec!["net_amin"].into())],
            vec![("pid_mode", "container".into())],
            vec![("ipc_mode", "none".into())],
            vec![("userns", "private".into())],
            vec![("network_mode", "bridge".into())],
            vec![("auth", [("tls_verify", false)].into())],
            vec![("hostname", "a b".into())],
            vec![("extra_hosts", vec!["db"].into())],
            vec![("extra_hosts", vec!["host.docker.internal:host-gateway"].into())],
            vec![("cwd", "some/where".into())],
            vec![("cpuset_cpus", "all".into())],
        ];
        expect_test::expect![[r#"
            image_pull_timeout = "soon": must be a duration above zero, such as "30s", "5m", "1h30m" or "500ms"
            shm_size: "lots" is not a size (accepted: a number of bytes, or with a unit as in 64m or 1.5g)
            devices: "x" are not permissions of a device (accepted: letters of r, w and m, each once)
            devices = "/dev/no-such" can not be used (accepted: a device node that is on the host, or a directory of such): cannot look at the device "/dev/no-such": No such file or directory (os error 2)
            mounts: "sideways" is not an option of a bind mount (accepted: rbind, bind, rro, rrw, private, rprivate, slave, rslave, shared, rshared, unbindable, runbindable, ratime, rdev, rdiratime, rexec, rnoatime, rnodev, rnodiratime, rnoexec, rnorelatime, rnostrictatime, rnosuid, rnosymfollow, rrelatime, rstrictatime, rsuid, rsymfollow, ro, rw, defaults, async, atime, dev, diratime, dirsync, exec, iversion, lazytime, loud, mand, noatime, nodev, nodiratime, noexec, noiversion, nolazytime, nomand, norelatime, nostrictatime, nosuid, nosymfollow, relatime, silent, strictatime, suid, symfollow, sync)
            mounts: the bind at "/x" has no options (accepted: rbind or bind, and ro or rw)
            mounts: "size=big" has no valid size: "big" is not a size (accepted: a number of bytes, or with a unit as in 64m or 1.5g)
            mounts.target = "/a/../b": an absolute path without .. and other than / is accepted
            mounts.source = "other": a relative path begins with local/, secrets/ or ../alloc/
            mounts.target = "/a/": another mount has this target, which this one would hide; a target of its own is accepted for each
            cap_add: "net_amin" is not a capability (accepted: "all", or a name such as NET_ADMIN in any case, with or without CAP_)
            pid_mode: "container" is not a mode (accepted: "host", or "private" for a namespace of its own, as where it is left out)
            ipc_mode: "none" is not a mode (accepted: "host", or "private" for a namespace of its own, as where it is left out)
            userns_mode = "private": "host" is accepted, or leave it out: there are no user namespaces of tasks' own yet
            network_mode = "bridge": this mode is accepted in a group with a network of its own; give it network { mode = "bridge" }
            auth.tls_verify = false: not supported; TLS certificates are always verified, so remove it or set true
            hostname = "a b": 1 to 64 bytes of letters, digits, '-', '_' and '.' are accepted
            extra_hosts = "db": a name and an IPv4 or IPv6 address with a colon between them, such as "db:10.0.0.5", is accepted
            extra_hosts = "host.docker.internal:host-gateway": there is no gateway of docker's here; an IPv4 or IPv6 address of the host is accepted, such as "db:10.0.0.5"
            cwd = "some/where": an absolute path in the container is accepted
            cpuset_cpus = "all": must be a list of CPUs such as "0-2,7""#]].assert_eq(&Untouched::new().all(world, cases).await);
    });
}

#[test]
fn parameters_of_a_namespace_that_is_the_hosts() {
    test(async |world| {
        let cases = vec![
            vec![("sysctl", sysctl("kernel.panic"))],
            vec![("sysctl", sysctl("net.core.somaxconn")), ("host_network", true.into())],
            vec![("sysctl", sysctl("kernel.shmmax")), ("ipc_mode", "host".into())],
            vec![("sysctl", sysctl("kernel.domainname")), ("uts_mode", "host".into())],
        ];
        expect_test::expect![[r#"
            sysctl: "kernel.panic" is a parameter of the whole host (accepted: net.*, fs.mqueue.*, kernel.domainname and System V IPC's kernel.msg*, kernel.sem, kernel.shm*)
            sysctl: "net.core.somaxconn" would change the host, whose network namespace the task is in (accepted: parameters of namespaces that are the task's own)
            sysctl: "kernel.shmmax" would change the host, whose IPC namespace the task is in (accepted: parameters of namespaces that are the task's own)
            sysctl: "kernel.domainname" would change the host, whose UTS namespace the task is in (accepted: parameters of namespaces that are the task's own)"#]].assert_eq(&Untouched::new().all(world, cases).await);
    });
}

#[test]
fn sources_that_lead_out_of_the_allocation() {
    test(async |world| {
        let local = world.alloc().logs().parent().unwrap().parent().unwrap().join("web/local");
        std::fs::create_dir_all(&local).unwrap();
        symlink("/etc", local.join("link")).unwrap();
        let of = |source: &str| vec![("mounts", mount(source, "/x", &["rbind"]))];
        let cases = vec![of("local/link"), of("local/link/apt"), of("local/../../../etc"), of("local/none")];
        expect_test::expect![[r#"
            mounts.source = "local/link" can not be used (accepted: what is in local/, secrets/ or ../alloc/ when the task starts, with no symbolic link on the way): "link" leaves its root or passes through a symbolic link: Too many levels of symbolic links (os error 40)
            mounts.source = "local/link/apt" can not be used (accepted: what is in local/, secrets/ or ../alloc/ when the task starts, with no symbolic link on the way): "link/apt" leaves its root or passes through a symbolic link: Too many levels of symbolic links (os error 40)
            mounts.source = "local/../../../etc" can not be used (accepted: what is in local/, secrets/ or ../alloc/ when the task starts, with no symbolic link on the way): "../../../etc" leaves its root or passes through a symbolic link: Invalid cross-device link (os error 18)
            mounts.source = "local/none" can not be used (accepted: what is in local/, secrets/ or ../alloc/ when the task starts, with no symbolic link on the way): "none" does not exist"#]].assert_eq(&Untouched::new().all(world, cases).await);
    });
}

#[test]
fn seccomp_profiles_that_are_none() {
    test(async |world| {
        let path = world.directory().join("profile.json");
        let with =
            || vec![("seccomp", Value::from(true)), ("seccomp_profile", path.display().to_string().into())];
        let door = Untouched::new();
        let alone = door.all(world, vec![with().split_off(1), with()]).await;
        std::fs::write(&path, r#"{"defaultAction": "PERHAPS"}"#).unwrap();
        let invalid = door.all(world, vec![with()]).await;
        expect_test::expect![[r#"
            seccomp_profile = "…/profile.json": a profile needs seccomp = true beside it
            seccomp_profile = "…/profile.json" can not be used (accepted: a file on the host with a profile in docker's or the runtime spec's form): cannot open "…/profile.json": No such file or directory (os error 2)
            seccomp_profile = "…/profile.json" can not be used (accepted: a file on the host with a profile in docker's or the runtime spec's form): it is not a seccomp profile (line 1, column 27)"#]].assert_eq(&[alone, invalid].join("\n"));
    });
}

#[test]
fn the_hosts_network_in_a_group_that_has_its_own() {
    test(async |world| {
        let door = Untouched::new();
        let setup = door.task(world).option("host_network", true).change(|config| {
            config.network_isolation_spec = Some(NetworkIsolationSpec {
                mode: network_isolation_spec::NetworkIsolationMode::Group.into(),
                path: "/proc/self/ns/net".to_owned(),
                ..Default::default()
            });
        });
        expect_test::expect![[r#"host_network = "true": the group has a network namespace of its own (bridge, cni or none mode); leave host_network out, or use network mode "host""#]].assert_eq(&door.told(world, setup).await);
    });
}

#[test]
fn what_the_operator_does_not_allow() {
    let config = Setup::config("security", "strict");
    test_with(config, async |world| {
        let cases = vec![
            vec![("privileged", true.into())],
            vec![("cap_add", vec!["net_raw", "chown"].into())],
            vec![("mounts", mount("/etc", "/x", &["rbind"]))],
            vec![("pid_mode", "host".into())],
            vec![("host_network", true.into())],
            vec![("devices", vec!["/dev/fuse"].into())],
        ];
        expect_test::expect![[r#"
            privileged = "true": Running privileged jobs are not allowed on this node; leave privileged out, or have its operator set allow_privileged = true
            cap_add = "net_raw, chown": driver does not allow the following capabilities: CAP_NET_RAW (accepted: those of allow_caps, CAP_AUDIT_WRITE, CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID, CAP_KILL, CAP_MKNOD, CAP_NET_BIND_SERVICE, CAP_SETFCAP, CAP_SETGID, CAP_SETPCAP, CAP_SETUID, CAP_SYS_CHROOT)
            mounts.source = "/etc": paths of the host are disabled on this node (volumes.enabled = false); local/, secrets/ and ../alloc/ of the allocation are accepted
            pid_mode = "host": the operator's allowed_modes.pid does not have this mode; leave pid_mode out
            host_network = "true": the host's network is not allowed on this node; use network { mode = "bridge" } or no network, or have the operator set allow_host_network = true
            devices = "/dev/fuse": devices of the host are not allowed on this node; use a Nomad device plugin, or have the operator set allow_devices = true"#]].assert_eq(&Untouched::new().all(world, cases).await);
    });
}

#[test]
fn a_user_that_is_none() {
    test(async |world| {
        let door = Untouched::new();
        let mut told = Vec::new();
        for user in ["-1", "a:b:c", ":x", "x:", "0:4294967296"] {
            told.push(door.told(world, door.task(world).with(move |task| task.user(user))).await);
        }
        expect_test::expect![[r#"
            user = "-1": "user" or "user:group" is accepted, each a name in the image or a number up to 2147483647
            user = "a:b:c": "user" or "user:group" is accepted, each a name in the image or a number up to 2147483647
            user = ":x": "user" or "user:group" is accepted, each a name in the image or a number up to 2147483647
            user = "x:": "user" or "user:group" is accepted, each a name in the image or a number up to 2147483647
            user = "0:4294967296": "user" or "user:group" is accepted, each a name in the image or a number up to 2147483647"#]]
        .assert_eq(&told.join("\n"));
    });
}

#[test]
fn a_user_that_the_image_does_not_have() {
    test(async |world| {
        let mut told = Vec::new();
        for user in ["nobody-here", "root:no-group"] {
            let setup = world.task("web").shell("true").with(move |task| task.user(user));
            told.push(setup.refusal().await);
            let left = leftovers::of(world.daemon(), &world.alloc().id, &world.state_dir());
            assert!(left.is_empty(), "{left:#?}");
        }
        expect_test::expect![[r#"
            user: unknown user "nobody-here" (accepted: a name in the image's /etc/passwd, or a number)
            user: unknown group "no-group" (accepted: a name in the image's /etc/group, or a number)"#]]
        .assert_eq(&told.join("\n"));
    });
}
