//! What runs in a task: program, arguments, environment, directory and user.

use e2e::{World, leftovers, test};
use nomad_host::driver::TaskExit;
use nomad_proto::cty::Value;

fn words(words: &[&str]) -> Value {
    Value::List(words.iter().map(|word| Value::from(*word)).collect())
}

/// Prints its arguments, each in brackets.
const SHOW: &str = r#"for word; do printf '[%s]' "$word"; done"#;

async fn output(setup: e2e::TaskSetup) -> (i32, String) {
    let (exit, output) = setup.start().await.finish().await;
    (exit.code, output.stdout_text() + &output.stderr_text())
}

#[test]
fn without_options_the_images_entrypoint_and_command_run_as_its_user_in_its_directory() {
    test(async |world| {
        let (code, text) = output(world.task("web").image("busybox-config")).await;
        assert_eq!(code, 7);
        let ids = "uid=1000(app) gid=50(staff)";
        assert!(text.starts_with(&format!("from the image\n/home/app\n{ids}")), "{text}");
    });
}

#[test]
fn a_command_replaces_the_images_and_keeps_its_entrypoint() {
    test(async |world| {
        let task = world.task("web").image("busybox-config").option("command", "echo own; exit 3");
        assert_eq!(output(task).await, (3, "own\n".to_owned()));
    });
}

#[test]
fn arguments_alone_replace_the_images_command() {
    test(async |world| {
        let task = world.task("web").image("busybox-config").option("args", words(&["echo own; exit 4"]));
        assert_eq!(output(task).await, (4, "own\n".to_owned()));
    });
}

#[test]
fn an_entrypoint_replaces_the_images_and_drops_its_command() {
    test(async |world| {
        let entrypoint = words(&["/bin/echo", "own"]);
        let task = world.task("web").image("busybox-config").option("entrypoint", entrypoint.clone());
        assert_eq!(output(task).await, (0, "own\n".to_owned()));
        let task = world.task("web").image("busybox-config").option("entrypoint", entrypoint);
        let task = task.option("command", "a").option("args", words(&["b", "c"]));
        assert_eq!(output(task).await, (0, "own a b c\n".to_owned()));
        let task = world.task("web").image("busybox-config").option("entrypoint", "/bin/pwd");
        assert_eq!(output(task).await, (0, "/home/app\n".to_owned()));
    });
}

#[test]
fn an_empty_entrypoint_is_none() {
    test(async |world| {
        let task = world.task("web").image("busybox-config").option("entrypoint", words(&[]));
        assert_eq!(output(task.option("command", "exit 5")).await.0, 5);
    });
}

#[test]
fn a_program_is_found_in_the_tasks_path() {
    test(async |world| {
        let task = world.task("web").command(&["echo", "found"]);
        assert_eq!(output(task).await, (0, "found\n".to_owned()));
        let script = "#!/bin/sh\necho own program\n";
        let task = world.task("web").command(&["tool"]).with(|task| task.env("PATH", "/local:/bin"));
        let local = world.alloc().task_dirs("web").local;
        std::fs::create_dir_all(&local).unwrap();
        std::fs::write(local.join("tool"), script).unwrap();
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(local.join("tool"), executable).unwrap();
        assert_eq!(output(task).await, (0, "own program\n".to_owned()));
    });
}

#[test]
fn arguments_arrive_as_they_are() {
    test(async |world| {
        let odd = ["", "two words", "it's", "a\"b", "$HOME", "line\nend", "ünïcode", "-n", "*"];
        let task = world.task("web").command(&[&["/bin/sh", "-c", SHOW, "sh"][..], &odd].concat());
        let expected: String = odd.iter().map(|word| format!("[{word}]")).collect();
        assert_eq!(output(task).await, (0, expected));
    });
}

#[test]
fn the_tasks_environment_wins_over_the_images() {
    test(async |world| {
        let script = "echo $FROM_IMAGE $HOME $OWN; exit ${#EMPTY}";
        let task = world.task("web").image("busybox-config").option("command", script);
        assert_eq!(output(task).await, (0, "yes /home/app\n".to_owned()));
        let task = world.task("web").image("busybox-config").option("command", script);
        let task = task.with(|task| task.env("FROM_IMAGE", "no").env("OWN", "a=b c").env("EMPTY", ""));
        assert_eq!(output(task).await, (0, "no /home/app a=b c\n".to_owned()));
    });
}

#[test]
fn nomads_variables_name_the_task_and_its_directories() {
    test(async |world| {
        let script =
            "echo $NOMAD_ALLOC_DIR $NOMAD_TASK_DIR $NOMAD_SECRETS_DIR $NOMAD_TASK_NAME $NOMAD_ALLOC_ID";
        let expected = format!("/alloc /local /secrets web {}\n", world.alloc().id);
        assert_eq!(output(world.task("web").shell(script)).await, (0, expected));
    });
}

#[test]
fn the_directory_is_the_options_else_the_images_else_the_root() {
    test(async |world| {
        assert_eq!(output(world.task("web").command(&["pwd"])).await, (0, "/\n".to_owned()));
        let task = world.task("web").image("busybox-config").option("command", "pwd");
        assert_eq!(output(task.option("cwd", "/tmp")).await, (0, "/tmp\n".to_owned()));
        let task = world.task("web").command(&["pwd"]).option("cwd", "/made/when/missing");
        assert_eq!(output(task).await, (0, "/made/when/missing\n".to_owned()));
    });
}

/// What `id` says of a task with this user.
async fn id_of(world: &World, image: &'static str, user: &'static str) -> String {
    let task = world.task("web").image(image).option("entrypoint", words(&["/bin/sh", "-c"]));
    let task = task.option("command", "echo $(id -u):$(id -g) $(id -G)").with(move |task| task.user(user));
    let (code, text) = output(task).await;
    assert_eq!(code, 0, "{user}: {text}");
    text.trim().to_owned()
}

#[test]
fn a_user_is_a_name_a_number_or_either_with_a_group() {
    test(async |world| {
        for (user, expected) in [
            ("", "0:0 0"),
            ("root", "0:0 0"),
            ("app", "1000:1000 1000 44 50"),
            ("1000", "1000:1000 1000 44 50"),
            ("svc", "1001:2000 2000 50"),
            ("app:staff", "1000:50 50"),
            ("app:0", "1000:0 0"),
            ("1234:5678", "1234:5678 5678"),
            ("4242", "4242:0 0"),
            ("65534:nogroup", "65534:65534 65534"),
        ] {
            assert_eq!(id_of(world, "busybox", user).await, expected, "{user:?}");
        }
    });
}

#[test]
fn the_jobs_user_wins_over_the_images() {
    test(async |world| {
        assert_eq!(id_of(world, "busybox-config", "").await, "1000:50 50");
        assert_eq!(id_of(world, "busybox-config", "svc").await, "1001:2000 2000 50");
        assert_eq!(id_of(world, "busybox-config", "0").await, "0:0 0");
    });
}

#[test]
fn a_user_or_group_that_the_image_does_not_have_is_refused_by_name() {
    test(async |world| {
        for (user, named) in [("ghost", "ghost"), ("app:ghosts", "ghosts")] {
            let task = world.task("web").shell("true").with(move |task| task.user(user));
            let text = task.refusal().await;
            assert!(text.contains(named), "{text}");
            let left = leftovers::of(world.daemon(), &world.alloc().id, &world.state_dir());
            assert!(left.is_empty(), "{left:#?}");
        }
    });
}

#[test]
fn a_task_may_use_its_own_directories_as_any_user() {
    test(async |world| {
        let script = "echo a > /local/a && echo b > /alloc/data/b && echo c > /secrets/c && echo d > /tmp/d";
        let task = world.task("web").shell(script).with(|task| task.user("nobody")).start().await;
        assert_eq!(task.wait().await, TaskExit::code(0));
    });
}
