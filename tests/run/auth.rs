//! Images of a registry with users: the credentials work, and are not on the screen.

use std::fs;
use std::path::{Path, PathBuf};

use e2e::{Daemon, Registry, leftovers, wait};
use rustix::process::Signal;

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

/// Where `run` and the driver that it starts keep files by default.
const STATE: [&str; 2] = ["/var/lib/containerd-driver-run", "/run/containerd-driver"];

/// The files in a directory that hold one of the texts. What is removed meanwhile is another run's, and an allocation's
/// own files are its tasks'.
fn files_with(directory: &Path, secrets: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let (path, kind) = (entry.path(), entry.file_type());
        let (is_dir, is_file) = kind.map_or((false, false), |kind| (kind.is_dir(), kind.is_file()));
        if is_dir && !path.ends_with("local") && !path.ends_with("secrets") {
            found.extend(files_with(&path, secrets));
        } else if is_file {
            let content = fs::read(&path).unwrap_or_default();
            let holds = |secret: &&str| content.windows(secret.len()).any(|bytes| bytes == secret.as_bytes());
            found.extend(secrets.iter().any(holds).then_some(path));
        }
    }
    found
}

#[tokio::test]
async fn no_password_nor_environment_is_in_a_file_of_a_run_nor_of_its_driver_even_after_a_kill() {
    let (daemon, files) = (Daemon::own(), tempfile::tempdir().unwrap());
    let registry = Registry::for_users(files.path());
    let reference = registry.push("busybox-gzip", "team/tool", "1.0");
    let (password, variable) = (Registry::password("alice"), "a-secret-of-the-environment-1704");
    let operators = "of-the-operator-0423";
    let config = files.path().join("plugin.hcl");
    let auth =
        format!("config {{\n auth {{\n  username = \"carol\"\n  password = \"{operators}\"\n }}\n}}\n");
    fs::write(&config, auth).unwrap();
    let job = job(&reference, "password = var.word")
        .replace("echo it runs", "echo it runs; exec sleep 1000")
        .replace("config {", &format!("env {{\n SECRET = \"{variable}\"\n }}\n config {{"));
    let word = format!("word={password}");
    let flags = ["--var", &word, "--plugin-config", config.to_str().unwrap()];
    let mut run = Run::start(&daemon, &job, &flags);
    let alloc = run.alloc_id();
    run.shows("a | it runs");
    let secrets = [password, variable, operators];
    let found = || STATE.map(|directory| files_with(Path::new(directory), &secrets)).concat();
    assert_eq!(found(), [] as [PathBuf; 0]);
    run.signal(Signal::KILL);
    assert_eq!(run.end(), None);
    assert_eq!(found(), [] as [PathBuf; 0]);
    let mut next = Run::start(&daemon, &job.replace("exec sleep 1000", "true"), &flags);
    assert_eq!(next.end(), Some(0), "{}", next.screen);
    // A run of another test may have been the next one, and be at it.
    let directory = Path::new(STATE[0]).join("runs").join(&alloc);
    wait::until_true("the removal of what the killed run left", || {
        !directory.exists() && leftovers::in_containerd(&daemon, &alloc).is_empty()
    })
    .await;
    daemon.remove().unwrap();
}
