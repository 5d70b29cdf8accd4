//! What a task executes.

use driver_core::request::options::TaskOptions;

use crate::options::entry::{Default, Entry, Kind, Origin};

pub(super) const OPTIONS: &[Entry<TaskOptions>] = &[
    Entry {
        names: &[("command", Origin::GoDriver)],
        kind: Kind::Text,
        default: Default::Unset("the image's"),
        description: "Replaces the image's CMD. The image's ENTRYPOINT still comes first.",
        read: |value, options| value.filled().map(|given| options.command = given),
    },
    Entry {
        names: &[("args", Origin::GoDriver)],
        kind: Kind::Texts,
        default: Default::Unset("none"),
        description: "Arguments after `command`. Without `command` they replace the image's CMD.",
        read: |value, options| value.texts().map(|given| options.args = given),
    },
    Entry {
        names: &[("entrypoint", Origin::GoDriver)],
        kind: Kind::TextOrTexts,
        default: Default::Unset("the image's"),
        description: "Replaces the image's ENTRYPOINT and drops its CMD. `[\"\"]` means no entrypoint; an empty list counts as unset.",
        read: |value, options| value.text_or_texts().map(|given| options.entrypoint = given),
    },
    Entry {
        names: &[("cwd", Origin::GoDriver), ("work_dir", Origin::Docker), ("working_dir", Origin::Podman)],
        kind: Kind::Text,
        default: Default::Unset("the image's"),
        description: "The working directory in the container. It is created if it is missing.",
        read: |value, options| value.filled().map(|given| options.cwd = given),
    },
];
