//! What a hostile author of jobs, or a hostile program in a task, tries against the node: under strict, and under the
//! defaults where the attack begins with something that only they allow.

mod absurd;
mod devices;
mod gates;
mod images;
mod layers;
mod logs;
mod names;
mod planted;
mod profiles;
mod stops;
mod swaps;
mod targets;
mod writes;

use std::time::{Duration, Instant};

use e2e::task::chain;
use e2e::world::Setup;
use e2e::{Task, TaskSetup, World, environment, test_with};
use nomad_host::driver::TaskExit;
use nomad_proto::cty::Value;

/// What the operator has set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Security {
    Default,
    Strict,
}

impl Security {
    fn setup(self) -> Setup {
        Setup::config("security", if self == Self::Strict { "strict" } else { "default" })
    }
}

/// Runs a test under both.
fn under_each(body: impl AsyncFn(&World, Security)) {
    for security in [Security::Strict, Security::Default] {
        test_with(security.setup(), async |world| body(world, security).await);
    }
}

fn bind(source: impl Into<Value>, target: impl Into<Value>, words: &[&str]) -> Value {
    Value::from([("source", source.into()), ("target", target.into()), ("options", words.to_vec().into())])
}

/// How long an answer may take that needs nothing of anybody else.
const PROMPT: Duration = Duration::from_secs(20);

/// The text with which the driver refuses a task, at once. That nothing is left of it is seen at the end of the world.
async fn refusal(setup: TaskSetup) -> String {
    let begun = Instant::now();
    let error = match setup.try_start().await {
        Ok(task) => panic!("the driver starts what it should refuse: {}", shown(&task)),
        Err(error) => error,
    };
    let text = chain(&error);
    assert!(begun.elapsed() < PROMPT * environment::patience(), "{:?}: {text}", begun.elapsed());
    assert!(!error.is_disconnected(), "the plugin died: {text}");
    assert!(!text.contains(char::is_control), "what is wrong is not quoted: {text:?}");
    text
}

/// The beginning of a task's options.
fn shown(task: &Task) -> String {
    String::from_utf8_lossy(&task.config.msgpack_driver_config).chars().take(300).collect()
}

/// The plugin is there, and somebody else's task runs as ever.
async fn others_run(world: &World) {
    let (alloc, begun) = (world.allocation(), Instant::now());
    let task = world.task_in(&alloc, "other").shell("echo runs").start().await;
    let (exit, output) = task.finish().await;
    assert_eq!((exit, output.stdout_text().as_str()), (TaskExit::code(0), "runs\n"));
    assert!(begun.elapsed() < PROMPT * environment::patience(), "{:?}", begun.elapsed());
}
