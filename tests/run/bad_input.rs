//! What can not be run is said in one clear error, and nothing is left behind.

use std::process::Command;

use e2e::{Daemon, environment};

use crate::screen::{Run, assert_nothing_left, shell_job};

fn job() -> String {
    shell_job("batch", "true")
}

/// The screen of a run that must fail before anything is started.
fn refused(job: &str, flags: &[&str]) -> String {
    let mut run = Run::start(&Daemon::shared(), job, flags);
    let code = run.end();
    assert!(code.is_some_and(|code| code != 0), "{code:?}: {}", run.screen);
    assert!(!run.screen.contains("starting"), "something was started:\n{}", run.screen);
    std::mem::take(&mut run.screen)
}

/// The screen of a run whose task can not be started.
fn failed(job: &str) -> String {
    let daemon = Daemon::shared();
    let mut run = Run::start(&daemon, job, &[]);
    let alloc = run.alloc_id();
    assert_eq!(run.end(), Some(1), "{}", run.screen);
    assert_nothing_left(&daemon, &alloc);
    std::mem::take(&mut run.screen)
}

#[test]
fn a_misspelt_option_is_named_with_the_one_that_was_meant() {
    let screen = refused(&job().replace("image ", "imag "), &[]);
    assert!(screen.contains("unknown option \"imag\"; did you mean \"image\"?"), "{screen}");
    assert!(screen.contains("job.nomad.hcl:"), "{screen}");
}

#[test]
fn a_wrong_type_and_a_missing_image_are_named() {
    let screen = refused(&job().replace("\"/bin/sh\"", "[\"/bin/sh\"]"), &[]);
    assert!(screen.contains("command"), "{screen}");
    let screen = refused(&job().replace("image   = \"busybox:1\"", ""), &[]);
    assert!(screen.contains("image"), "{screen}");
}

#[test]
fn an_undefined_name_is_shown_with_its_file_and_line() {
    let screen = refused(&job().replace("\"busybox:1\"", "var.nobody"), &[]);
    assert!(screen.contains("undefined variable `var.nobody`"), "{screen}");
    assert!(screen.contains("image   = var.nobody"), "{screen}");
}

#[test]
fn a_file_that_does_not_parse_is_shown_with_its_line() {
    let screen = refused(&job().replace("restart {", "restart = {"), &[]);
    assert!(screen.contains("job.nomad.hcl:"), "{screen}");
}

#[test]
fn a_group_that_does_not_exist_is_answered_with_those_that_do() {
    let screen = refused(&job(), &["--group", "nope"]);
    assert!(screen.contains("nope") && screen.contains('g'), "{screen}");
}

#[test]
fn an_image_that_nobody_has_is_an_error_of_the_task() {
    let screen = failed(&job().replace("busybox:1", "127.0.0.1:1/nobody/has:this"));
    assert!(screen.contains("127.0.0.1:1/nobody/has:this"), "{screen}");
}

#[test]
fn a_command_that_the_image_does_not_have_is_named() {
    let screen = failed(&job().replace("/bin/sh", "/no/such/program"));
    assert!(screen.contains("command \"/no/such/program\" can not be run"), "{screen}");
}

#[test]
fn without_a_containerd_the_socket_is_named_and_how_to_start_one() {
    let files = tempfile::tempdir().unwrap();
    let path = files.path().join("job.nomad.hcl");
    std::fs::write(&path, job()).unwrap();
    let socket = files.path().join("nobody.sock");
    let ran =
        Command::new(environment::driver()).arg("run").arg("--address").arg(&socket).arg(&path).output();
    let ran = ran.unwrap();
    let said = String::from_utf8_lossy(&ran.stderr).into_owned() + &String::from_utf8_lossy(&ran.stdout);
    assert_eq!(ran.status.code(), Some(1), "{said}");
    assert!(said.contains(socket.to_str().unwrap()) && said.contains("start containerd"), "{said}");
}

#[test]
fn the_version_is_one_line() {
    let said = Command::new(environment::driver()).arg("--version").output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(said.starts_with("containerd-driver ") && said.lines().count() == 1, "{said:?}");
}
