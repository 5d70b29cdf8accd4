//! Jobs that run: the example, exit codes, variables, lifecycles.

use std::path::PathBuf;

use e2e::{Daemon, environment};

use crate::screen::{Run, assert_nothing_left, shell_job};

#[test]
fn the_redis_example_runs_unmodified_and_ends_by_itself() {
    let daemon = Daemon::shared();
    let example = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/redis.nomad.hcl"));
    let archive = environment::images().join("redis.tar");
    let load = ["--load", archive.to_str().unwrap()];
    let mut run = Run::start_file(&daemon, example, &load, tempfile::tempdir().unwrap());
    let alloc = run.alloc_id();
    run.shows("Ready to accept connections");
    run.shows("5 keys written and read");
    assert_eq!(run.end(), Some(0), "{}", run.screen);
    assert_nothing_left(&daemon, &alloc);
}

#[test]
fn the_examples_of_options_run_unmodified() {
    let daemon = Daemon::shared();
    daemon.image("busybox");
    let examples = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/options"));
    let files: Vec<PathBuf> =
        std::fs::read_dir(examples).unwrap().map(|entry| entry.unwrap().path()).collect();
    // One of them is for an agent on a node that was prepared.
    let for_run = files.iter().filter(|file| !file.ends_with("prepared.nomad.hcl"));
    assert!(for_run.clone().count() >= 9, "{files:?}");
    for file in for_run {
        let mut run = Run::start_file(&daemon, file.clone(), &[], tempfile::tempdir().unwrap());
        let alloc = run.alloc_id();
        assert_eq!(run.end(), Some(0), "{}: {}", file.display(), run.screen);
        assert_nothing_left(&daemon, &alloc);
    }
}

#[test]
fn the_exit_code_of_a_batch_job_is_its_tasks() {
    let daemon = Daemon::shared();
    let mut run = Run::start(&daemon, &shell_job("batch", "echo last words; exit 42"), &[]);
    let alloc = run.alloc_id();
    run.shows("a | last words");
    assert_eq!(run.end(), Some(42), "{}", run.screen);
    assert_nothing_left(&daemon, &alloc);
}

#[test]
fn variables_come_from_flags_and_files_and_runtime_values_reach_the_task() {
    let files = tempfile::tempdir().unwrap();
    let vars = files.path().join("vars.hcl");
    std::fs::write(&vars, "second = \"from the file\"\n").unwrap();
    let job = format!(
        "variable \"first\" {{}}\nvariable \"second\" {{}}\n{}",
        shell_job(
            "batch",
            "echo ${var.first}, ${var.second}; echo $${NOMAD_TASK_NAME} in ${NOMAD_ALLOC_DIR}"
        )
    );
    let flags = ["--var", "first=from the flag", "--var-file", vars.to_str().unwrap()];
    let mut run = Run::start(&Daemon::shared(), &job, &flags);
    run.shows("from the flag, from the file");
    run.shows("a in /alloc");
    assert_eq!(run.end(), Some(0), "{}", run.screen);
}

#[test]
fn prestart_runs_before_and_poststop_after_the_main_task() {
    let task = |name: &str, hook: &str| {
        format!(
            r#"
    task "{name}" {{
      driver = "containerd-driver"
      {hook}
      config {{
        image   = "busybox:1"
        command = "/bin/sh"
        args    = ["-c", "echo {name} >> /alloc/data/order; cat /alloc/data/order"]
      }}
    }}"#
        )
    };
    let hook = |hook: &str| format!("lifecycle {{\n hook = \"{hook}\"\n }}");
    let job = format!(
        "job \"t\" {{\n type = \"batch\"\n group \"g\" {{\n{}{}{}\n }}\n}}\n",
        task("first", &hook("prestart")),
        task("second", ""),
        task("third", &hook("poststop"))
    );
    let mut run = Run::start(&Daemon::shared(), &job, &[]);
    for line in ["third  | first", "third  | second", "third  | third"] {
        run.shows(line);
    }
    assert_eq!(run.end(), Some(0), "{}", run.screen);
}
