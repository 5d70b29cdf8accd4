//! Images of a registry with users: the credentials work, and are not on the screen.

use e2e::{Daemon, Registry};

use crate::screen::{Run, assert_nothing_left, shell_job};

/// A job with the password that it is to be run with, as literal and through a variable.
fn job(reference: &str, auth: &str) -> String {
    let job = shell_job("batch", "echo it runs").replace("busybox:1", reference);
    format!(
        "variable \"word\" {{}}\n{}",
        job.replace("config {", &format!("config {{\n auth {{\n username = \"alice\"\n {auth}\n }}"))
    )
}

fn assert_secret(screen: &str) {
    for secret in Registry::secrets() {
        assert!(!screen.contains(secret), "{screen}");
    }
}

#[test]
fn a_private_image_is_pulled_and_its_password_is_not_shown() {
    let (daemon, files) = (Daemon::own(), tempfile::tempdir().unwrap());
    let registry = Registry::for_users(files.path());
    let reference = registry.push("busybox-gzip", "team/tool", "1.0");
    let word = format!("word={}", Registry::password("alice"));
    let mut run = Run::start(&daemon, &job(&reference, "password = \"of-bob-4711\""), &["--var", &word]);
    let alloc = run.alloc_id();
    run.shows("refuses user \"alice\"");
    assert_eq!(run.end(), Some(1), "{}", run.screen);
    assert_secret(&run.screen);
    assert_nothing_left(&daemon, &alloc);
    let mut run = Run::start(&daemon, &job(&reference, "password = var.word"), &["--var", &word]);
    let alloc = run.alloc_id();
    run.shows("a | it runs");
    assert_eq!(run.end(), Some(0), "{}", run.screen);
    assert_secret(&run.screen);
    assert_nothing_left(&daemon, &alloc);
    daemon.remove().unwrap();
}

#[test]
fn a_misspelt_password_is_named_and_not_shown() {
    let auth = "pasword = \"of-alice-0815\"";
    let job = job("busybox:1", auth);
    let mut run = Run::start(&Daemon::shared(), &job, &["--var", "word=of-alice-0815"]);
    assert_eq!(run.end(), Some(1), "{}", run.screen);
    assert!(run.screen.contains("pasword") && run.screen.contains("\"password\""), "{}", run.screen);
    assert_secret(&run.screen);
}
