//! The image of a task.

use driver_core::request::options::TaskOptions;

use crate::options::auth;
use crate::options::entry::{Default, Entry, Kind, Origin};

pub(super) const OPTIONS: &[Entry<TaskOptions>] = &[
    Entry {
        names: &[("image", Origin::GoDriver)],
        kind: Kind::Text,
        default: Default::Required("set it to the name of an image, such as \"redis:7\""),
        description: "The image to run: a name with a tag or digest. Short names mean Docker Hub.",
        read: |value, options| value.name().map(|given| options.image = given),
    },
    Entry {
        names: &[("image_pull_timeout", Origin::GoDriver)],
        kind: Kind::Duration,
        default: Default::Unset("the plugin's"),
        description: "Time limit for pulling the image.",
        read: |value, options| value.duration().map(|given| options.image_pull_timeout = given),
    },
    auth::OF_TASK,
];
