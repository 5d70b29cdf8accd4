//! `privileged`: a container without the walls of the baseline.
//!
//! It changes what is written to the kernel's file systems, the devices and the way to new privileges. What else a
//! privileged task has is a field of its own in the plan: its capabilities ([`crate::CapabilityRequest`]), the
//! host's device nodes, and a seccomp filter only where the task asks for one.

use oci_spec::runtime::{Linux, LinuxDeviceCgroup, Mount, Process};

use crate::baseline;

/// Whether a container has the walls of the baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privilege {
    /// With all of them.
    Confined,
    /// Every device, nothing masked or read-only, writable sysfs and cgroupfs, new privileges allowed.
    Privileged,
}

impl Privilege {
    pub(crate) fn apply_to_process(self, process: &mut Process) {
        process.set_no_new_privileges(Some(match self {
            Self::Confined => true,
            Self::Privileged => false,
        }));
    }

    pub(crate) fn apply_to_linux(self, linux: &mut Linux) {
        let (masked, readonly) = match self {
            Self::Confined => (Some(baseline::paths::masked()), Some(baseline::paths::readonly())),
            Self::Privileged => (None, None),
        };
        linux.set_masked_paths(masked).set_readonly_paths(readonly);
    }

    /// The device rules that come before the task's own.
    pub(crate) fn device_rules(self) -> Vec<LinuxDeviceCgroup> {
        match self {
            Self::Confined => baseline::devices::rules(),
            Self::Privileged => vec![baseline::devices::all(true)],
        }
    }

    /// Opens the baseline's mounts of sysfs and cgroupfs for writing.
    pub(crate) fn apply_to_mounts(self, mounts: &mut [Mount]) {
        if self == Self::Confined {
            return;
        }
        for mount in mounts.iter_mut().filter(|mount| is_kernels(mount)) {
            let kept = mount.options().iter().flatten().filter(|option| *option != "ro").cloned();
            let options = kept.chain(["rw".to_owned()]).collect();
            mount.set_options(Some(options));
        }
    }
}

fn is_kernels(mount: &Mount) -> bool {
    matches!(mount.typ().as_deref(), Some("sysfs" | "cgroup"))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::Privilege;
    use crate::testing::check;

    #[test]
    fn a_privileged_container_has_no_walls() {
        check(
            |plan| plan.privilege = Privilege::Privileged,
            expect![[r#"
            - linux.maskedPaths: ["/proc/acpi","/proc/asound","/proc/kcore","/proc/keys","/proc/latency_stats","/proc/timer_list","/proc/timer_stats","/proc/sched_debug","/proc/scsi","/sys/firmware","/sys/devices/virtual/powercap"]
            - linux.readonlyPaths: ["/proc/bus","/proc/fs","/proc/irq","/proc/sys","/proc/sysrq-trigger"]
            ~ linux.resources.devices.0.allow: false => true
            - linux.resources.devices.1: {"access":"m","allow":true,"type":"c"}
            - linux.resources.devices.2: {"access":"m","allow":true,"type":"b"}
            - linux.resources.devices.3: {"access":"rwm","allow":true,"major":1,"minor":3,"type":"c"}
            - linux.resources.devices.4: {"access":"rwm","allow":true,"major":1,"minor":5,"type":"c"}
            - linux.resources.devices.5: {"access":"rwm","allow":true,"major":1,"minor":7,"type":"c"}
            - linux.resources.devices.6: {"access":"rwm","allow":true,"major":1,"minor":8,"type":"c"}
            - linux.resources.devices.7: {"access":"rwm","allow":true,"major":1,"minor":9,"type":"c"}
            - linux.resources.devices.8: {"access":"rwm","allow":true,"major":5,"minor":0,"type":"c"}
            - linux.resources.devices.9: {"access":"rwm","allow":true,"major":5,"minor":1,"type":"c"}
            - linux.resources.devices.10: {"access":"rwm","allow":true,"major":5,"minor":2,"type":"c"}
            - linux.resources.devices.11: {"access":"rwm","allow":true,"major":136,"type":"c"}
            ~ mounts./sys.options.3: "ro" => "rw"
            ~ mounts./sys/fs/cgroup.options.4: "ro" => "rw"
            ~ process.noNewPrivileges: true => false
        "#]],
        );
    }
}
