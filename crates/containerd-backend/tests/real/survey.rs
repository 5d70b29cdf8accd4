//! What the survey says of a real daemon.

use crate::fixture::{Room, address, config, port};

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn a_daemon_that_can_run_tasks_has_no_problems() {
    let survey = Room::new("survey").port.survey().await.unwrap();
    assert_eq!((survey.problems, survey.warnings), (vec![], vec![]));
    let numbers = survey.version.split(['.', '-']).take(3);
    assert!(numbers.map(str::parse::<u32>).all(|number| number.is_ok()), "{}", survey.version);
}

/// The problems of a configuration.
async fn problems(runtime: &str, snapshotter: &str) -> Vec<String> {
    let mut config = config(&address());
    (config.runtime, config.snapshotter) = (runtime.into(), snapshotter.into());
    port(&config, "backend-survey").survey().await.unwrap().problems
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn what_the_daemon_does_not_have_is_named() {
    let found = problems("io.containerd.nothing.v9", "overlayfs").await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("containerd-shim-nothing-v9"), "{found:?}");
    let found = problems("/no/such/shim", "overlayfs").await;
    assert_eq!(found, [r#"runtime "/no/such/shim": there is no such executable file"#]);
    let found = problems("runc", "overlayfs").await;
    assert_eq!(
        found,
        [r#"runtime "runc" is neither a name like io.containerd.runc.v2 nor an absolute path"#]
    );
    let found = problems("io.containerd.runc.v2", "nothing").await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("native, overlayfs"), "{found:?}");
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn the_first_shim_of_runc_works_or_is_replaced_with_a_warning() {
    let mut config = config(&address());
    config.runtime = "io.containerd.runc.v1".into();
    let survey = port(&config, "backend-survey").survey().await.unwrap();
    assert_eq!(survey.problems, Vec::<String>::new());
    let is_old = survey.version.starts_with("1.");
    assert_eq!(survey.warnings.is_empty(), is_old, "{survey:?}");
}
