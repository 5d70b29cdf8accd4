//! Puts the options together: every field of a spec is set here on purpose, none is left to a library's default.

use std::sync::LazyLock;

use oci_spec::runtime::{Linux, LinuxResources, Process, Spec};

use crate::{BuildError, Cgroup, Plan};
use crate::{
    annotations, args, baseline, capabilities, cgroup, cwd, devices, env, hooks, hostname, mounts,
    namespaces, rlimits, rootfs, shm_size, sysctl, writable_paths,
};

/// The runtime-spec version that the options here need; every runtime since runc 1.0 takes it.
const OCI_VERSION: &str = "1.0.2";

/// Builds the spec of a container.
///
/// # Errors
/// The first option whose value can not be expressed in a spec.
pub fn build(plan: Plan) -> Result<Spec, BuildError> {
    let Plan {
        args,
        env,
        cwd,
        user,
        hostname,
        rootfs,
        network,
        pid,
        ipc,
        uts,
        privilege,
        capabilities,
        seccomp,
        sysctl,
        rlimits,
        shm_size_bytes,
        cgroup,
        resources,
        writable_paths,
        mounts,
        devices,
        hooks,
        annotations,
    } = plan;

    let (mut spec, mut process, mut linux) = BLANK.clone();
    process.set_args(Some(args::args(args)?));
    process.set_env(Some(env::env(env)?));
    process.set_cwd(cwd::cwd(cwd)?);
    process.set_user(user.into_spec());
    process.set_capabilities(Some(capabilities::capabilities(capabilities)));
    process.set_rlimits(rlimits::rlimits(rlimits)?);
    privilege.apply_to_process(&mut process);

    let devices = devices::devices(privilege.device_rules(), devices)?;
    let mut base = baseline::mounts::mounts(rootfs.access);
    shm_size::apply(&mut base, shm_size_bytes);
    ipc.apply_to_shm(&mut base);
    privilege.apply_to_mounts(&mut base);
    base.extend(writable_paths::mounts(&rootfs, writable_paths, &mounts)?);
    let mounts = mounts::mounts(base, mounts)?;

    let Cgroup { mode, path } = cgroup;
    let mut limits = LinuxResources::default();
    resources.apply(&mut limits, mode)?;
    limits.set_devices(Some(devices.allowed));

    linux.set_cgroups_path(Some(cgroup::path(path)?));
    linux.set_sysctl(sysctl::sysctl(sysctl, &network, ipc, uts)?);
    linux.set_namespaces(Some(namespaces::namespaces([pid, ipc, uts], network, mode)?));
    linux.set_devices(devices.nodes);
    linux.set_resources(Some(limits));
    linux.set_rootfs_propagation(mounts.rootfs_propagation);
    linux.set_seccomp(seccomp.into_spec(capabilities));
    privilege.apply_to_linux(&mut linux);

    spec.set_process(Some(process));
    spec.set_root(Some(rootfs::root(rootfs)?));
    spec.set_hostname(hostname::hostname(hostname, uts)?);
    spec.set_mounts(Some(mounts.list));
    spec.set_hooks(hooks::hooks(hooks)?);
    spec.set_annotations(annotations::annotations(annotations)?);
    spec.set_linux(Some(linux));
    Ok(spec)
}

/// What a library makes for a default is large, so it is made and emptied once.
static BLANK: LazyLock<(Spec, Process, Linux)> =
    LazyLock::new(|| (blank_spec(), blank_process(), blank_linux()));

/// A spec with nothing but what every container has.
fn blank_spec() -> Spec {
    let mut spec = Spec::default();
    spec.set_version(OCI_VERSION.to_owned())
        .set_root(None)
        .set_mounts(None)
        .set_process(None)
        .set_hostname(None)
        .set_domainname(None)
        .set_hooks(None)
        .set_annotations(None)
        .set_linux(None)
        .set_solaris(None)
        .set_windows(None)
        .set_vm(None)
        .set_zos(None);
    spec
}

/// A process without a command, capabilities or limits of its own.
fn blank_process() -> Process {
    let mut process = Process::default();
    process
        .set_terminal(Some(false))
        .set_console_size(None)
        .set_args(None)
        .set_command_line(None)
        .set_env(None)
        .set_capabilities(None)
        .set_rlimits(None)
        .set_no_new_privileges(None)
        .set_apparmor_profile(None)
        .set_oom_score_adj(Some(0))
        .set_selinux_label(None)
        .set_io_priority(None)
        .set_scheduler(None)
        .set_exec_cpu_affinity(None);
    process
}

/// The Linux part with nothing in it.
fn blank_linux() -> Linux {
    let mut linux = Linux::default();
    linux
        .set_net_devices(None)
        .set_uid_mappings(None)
        .set_gid_mappings(None)
        .set_sysctl(None)
        .set_resources(None)
        .set_cgroups_path(None)
        .set_namespaces(None)
        .set_devices(None)
        .set_seccomp(None)
        .set_rootfs_propagation(None)
        .set_masked_paths(None)
        .set_readonly_paths(None)
        .set_mount_label(None)
        .set_intel_rdt(None)
        .set_memory_policy(None)
        .set_personality(None)
        .set_time_offsets(None);
    linux
}

#[cfg(test)]
mod tests {
    use expect_test::expect_file;

    use crate::testing;

    #[test]
    fn the_base_plan_gives_exactly_the_documented_baseline() {
        expect_file!["../tests/baseline.json"].assert_eq(&testing::pretty(testing::base_plan()));
    }

    #[test]
    fn building_the_same_plan_twice_gives_the_same_spec() {
        assert_eq!(testing::pretty(testing::base_plan()), testing::pretty(testing::base_plan()));
    }
}
