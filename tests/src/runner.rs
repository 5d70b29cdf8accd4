//! Runs the body of a test in a world, and always takes the world away again.

use std::any::Any;
use std::io::Write;
use std::panic::{AssertUnwindSafe, PanicHookInfo, resume_unwind, set_hook, take_hook};
use std::sync::Once;

use futures::FutureExt;

use crate::world::{Setup, World};

/// Runs a test on the shared containerd.
pub fn test(body: impl AsyncFnOnce(&World)) {
    test_with(Setup::default(), body);
}

/// Runs a test with something different.
pub fn test_with(setup: Setup, body: impl AsyncFnOnce(&World)) {
    static PANICS_ARE_SAID: Once = Once::new();
    PANICS_ARE_SAID.call_once(|| {
        let usual = take_hook();
        set_hook(Box::new(move |panic| {
            say_panic(panic);
            usual(panic);
        }));
    });
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let world = World::create(setup).await;
        let outcome = AssertUnwindSafe(body(&world)).catch_unwind().await;
        if outcome.is_err() {
            world.show_log();
        }
        let cleaned = AssertUnwindSafe(world.clean_up()).catch_unwind().await;
        let removed = world.daemon().remove();
        finish(outcome, cleaned, removed);
    });
}

/// Says a line at once, past the capture of the test framework, which shows a failed test's output at the end of the run.
pub(crate) fn say(line: &str) {
    let _nobody_reads = writeln!(std::io::stderr(), "{line}");
}

fn say_panic(panic: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let message = panic.payload_as_str().unwrap_or_default();
    say(&format!("panic in {} at {place}: {message}", thread.name().unwrap_or_default()));
}

type Caught<T> = Result<T, Box<dyn Any + Send>>;

/// The body's panic comes first, then what the clean-up found.
fn finish(outcome: Caught<()>, cleaned: Caught<Vec<String>>, removed: Result<(), String>) {
    let mut left = match &cleaned {
        Ok(left) => left.clone(),
        Err(_) => Vec::new(),
    };
    left.extend(removed.err());
    if let Err(panic) = outcome {
        left.iter().for_each(|line| say(&format!("left behind as well: {line}")));
        resume_unwind(panic);
    }
    if let Err(panic) = cleaned {
        resume_unwind(panic);
    }
    assert!(left.is_empty(), "the test left behind:\n  {}", left.join("\n  "));
}
