//! The command line of the virtual machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::recipe;

/// The emulator.
pub(crate) const PROGRAM: &str = "qemu-system-x86_64";

/// What the guest's kernel starts first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Init {
    /// A script that delegates every controller and leaves the tree alone.
    Script,
    /// The same on a kernel without two of the controllers that limits need.
    Lacking,
    /// systemd, which takes the tree for its own; the tests are a service.
    Systemd,
}

/// The files that a machine is started with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Disks {
    /// The kernel.
    pub(crate) kernel: PathBuf,
    /// Its initrd.
    pub(crate) initrd: PathBuf,
    /// The root file system; what the guest writes is forgotten.
    pub(crate) root: PathBuf,
}

impl Init {
    fn arguments(self) -> String {
        match self {
            Self::Script => format!("init={}", recipe::INIT),
            Self::Lacking => {
                format!("init={} cgroup_disable=cpuset cgroup_disable=pids", recipe::INIT)
            }
            Self::Systemd => {
                format!("init=/lib/systemd/systemd systemd.unit={} systemd.show_status=0", recipe::UNIT)
            }
        }
    }
}

/// The machine: two emulated CPUs, two disks, a serial line and nothing else; it ends when the guest is switched off,
/// starts anew or panics.
pub(crate) fn command(disks: &Disks, payload: &Path, init: Init) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(["-accel", "tcg,thread=multi", "-smp", "2", "-cpu", "max", "-m", "2048"]);
    command.args(["-nodefaults", "-no-reboot", "-display", "none", "-serial", "stdio"]);
    command.arg("-kernel").arg(&disks.kernel).arg("-initrd").arg(&disks.initrd);
    command.arg("-drive").arg(drive(&disks.root, "snapshot=on"));
    command.arg("-drive").arg(drive(payload, "readonly=on"));
    let kernel = "root=/dev/vda rw console=ttyS0 quiet loglevel=1 panic=-1 mitigations=off";
    command.arg("-append").arg(format!("{kernel} {}", init.arguments()));
    command
}

/// A comma in a path is written twice.
fn drive(file: &Path, options: &str) -> String {
    let file = file.display().to_string().replace(',', ",,");
    format!("file={file},format=raw,if=virtio,{options}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn spelled(init: Init) -> String {
        let disks = Disks { kernel: "/k".into(), initrd: "/i".into(), root: "/a,b/root".into() };
        crate::process::spelled(&command(&disks, Path::new("/p"), init))
    }

    #[test]
    fn the_machine_has_two_disks_a_serial_line_and_no_second_start() {
        expect![[
            "qemu-system-x86_64 -accel tcg,thread=multi -smp 2 -cpu max -m 2048 -nodefaults -no-reboot \
                  -display none -serial stdio -kernel /k -initrd /i \
                  -drive file=/a,,b/root,format=raw,if=virtio,snapshot=on \
                  -drive file=/p,format=raw,if=virtio,readonly=on \
                  -append root=/dev/vda rw console=ttyS0 quiet loglevel=1 panic=-1 mitigations=off \
                  init=/usr/sbin/guest-init"
        ]]
        .assert_eq(&spelled(Init::Script));
    }

    #[test]
    fn a_kernel_is_told_which_controllers_it_lacks() {
        let line = spelled(Init::Lacking);
        let told = " init=/usr/sbin/guest-init cgroup_disable=cpuset cgroup_disable=pids";
        assert!(line.ends_with(told), "{line}");
    }

    #[test]
    fn systemd_is_told_the_one_unit_to_start() {
        let line = spelled(Init::Systemd);
        let told = " init=/lib/systemd/systemd systemd.unit=guest.service systemd.show_status=0";
        assert!(line.ends_with(told), "{line}");
    }
}
