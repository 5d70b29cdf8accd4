//! Devices of the host in a task.

use driver_core::request::options::{DeviceOption, TaskOptions};

use crate::options::block::TextOrBlock;
use crate::options::entry::{Default, Entry, Kind, Origin};

pub(super) const OPTIONS: &[Entry<TaskOptions>] = &[Entry {
    names: &[("devices", Origin::GoDriver)],
    kind: Kind::TextsOrBlocks(&DEVICE),
    default: Default::Unset("none"),
    description: "Host devices, as `/dev/x`, `/dev/x:rw`, `/dev/x:/dev/y` or `/dev/x:/dev/y:rwm`, or as blocks; or CDI devices, as `vendor.com/class=name`, from the specifications in `/etc/cdi` and `/var/run/cdi`.",
    read: |value, options| {
        let devices = value.texts_or_blocks(DEVICE)?.into_iter();
        options.devices = devices.map(device).collect();
        Ok(())
    },
}];

/// docker's block of a device.
#[derive(std::default::Default)]
struct Device {
    host_path: String,
    container_path: String,
    cgroup_permissions: String,
}

fn device(device: TextOrBlock<Device>) -> DeviceOption {
    match device {
        TextOrBlock::Text(text) => DeviceOption::Text(text),
        TextOrBlock::Block(Device { host_path, container_path, cgroup_permissions }) => {
            DeviceOption::Parts { host_path, container_path, cgroup_permissions }
        }
    }
}

/// The options of a device's block.
const DEVICE: &[Entry<Device>] = &[
    Entry {
        names: &[("host_path", Origin::Docker)],
        kind: Kind::Text,
        default: Default::Required("set it to a device on the host, such as \"/dev/fuse\""),
        description: "A device on the host, or a directory of devices.",
        read: |value, device| value.text().map(|given| device.host_path = given),
    },
    Entry {
        names: &[("container_path", Origin::Docker)],
        kind: Kind::Text,
        default: Default::Unset("`host_path`"),
        description: "Its path in the container.",
        read: |value, device| value.text().map(|given| device.container_path = given),
    },
    Entry {
        names: &[("cgroup_permissions", Origin::Docker)],
        kind: Kind::Text,
        default: Default::Unset("`rwm`"),
        description: "What the task may do with it: any of `r` (read), `w` (write) and `m` (mknod).",
        read: |value, device| value.text().map(|given| device.cgroup_permissions = given),
    },
];
