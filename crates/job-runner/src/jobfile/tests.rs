//! Whole job files: what is read, and how faults are reported.

use super::*;
use expect_test::{Expect, expect};
use nomad_host::ports::PortError;
use nomad_proto::cty::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// Gives out 20001, 20002 and so on; 80 is in use.
#[derive(Default)]
struct CountedPorts(u16);

impl PortSource for CountedPorts {
    fn fixed(&mut self, port: u16) -> Result<u16, PortError> {
        if port == 80 { Err(PortError::InUse(port)) } else { Ok(port) }
    }

    fn dynamic(&mut self) -> Result<u16, PortError> {
        self.0 += 1;
        Ok(20_000 + self.0)
    }
}

fn inputs() -> Inputs {
    Inputs {
        group: None,
        variables: Vec::new(),
        driver: "containerd-driver".into(),
        alloc_id: "5f5a7d0c-0000-4000-8000-000000000000".into(),
        node: NodeFacts {
            id: "node-id".into(),
            name: "host".into(),
            attributes: BTreeMap::from([("kernel.name".to_owned(), "linux".to_owned())]),
        },
    }
}

fn job(text: &str) -> Result<Job, JobFileError> {
    let source = Source::parse(Path::new("job.hcl"), text.to_owned())?;
    read_job(&source, &inputs(), &mut CountedPorts::default())
}

/// A job with one task, into whose block the text is put.
fn with_task(inside: &str) -> Result<Job, JobFileError> {
    job(&format!(
        "job \"j\" {{\n  type = \"batch\"\n  group \"g\" {{\n    network {{\n      port \"db\" {{}}\n    }}\n    task \"t\" {{\n      driver = \"containerd-driver\"\n{inside}\n    }}\n  }}\n}}\n"
    ))
}

fn task(inside: &str) -> Task {
    with_task(inside).unwrap().group.tasks.remove(0)
}

fn refused(result: Result<Job, JobFileError>, expected: &Expect) {
    expected.assert_eq(&result.unwrap_err().to_string());
}

#[test]
fn the_shipped_example_is_read() {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/redis.nomad.hcl"));
    let source = Source::read(path).unwrap();
    let job = read_job(&source, &inputs(), &mut CountedPorts::default()).unwrap();
    assert!(job.warnings.is_empty(), "{:?}", job.warnings);
    let [server, client] = job.group.tasks.as_slice() else { panic!("two tasks") };
    assert_eq!((server.stage, client.stage), (Stage::PrestartSidecar, Stage::Main));
    let config = server.config.as_map().unwrap();
    assert_eq!(config["args"], Value::from(vec!["--bind", "127.0.0.1", "--port", "20001", "--save", ""]));
    assert_eq!(client.env["KEYS"], "5");
    assert_eq!(client.files[0].place, TaskFilePlace::Task("local/client.sh".into()));
    assert_eq!(client.files[0].mode, 0o755);
    assert!(client.files[0].content.starts_with("redis() {\n  redis-cli"), "{}", client.files[0].content);
}

#[test]
fn a_task_has_nomads_defaults() {
    let task = task("");
    assert_eq!((task.resources.cpu_mhz, task.resources.memory_mib, task.cores), (100, 300, 0));
    assert_eq!(task.restart.attempts, 3);
    assert_eq!(task.kill_timeout.as_secs(), 5);
    assert_eq!((task.stage, task.leader, task.user.as_str()), (Stage::Main, false, ""));
    assert!(task.logs.is_some());
}

#[test]
fn runtime_values_are_bound_everywhere_in_a_task() {
    let task = task(
        r#"
      meta { team = "core" }
      env {
        ADDRESS = "${NOMAD_ADDR_db}"
        TEAM    = "${NOMAD_META_team} on ${attr.kernel.name} ${node.unique.name}"
        AGAIN   = "${TEAM}!"
      }
      config {
        image = "x:${NOMAD_SHORT_ALLOC_ID}"
        args  = [NOMAD_TASK_DIR, env["ADDRESS"], "${AGAIN}", "$${HOME}"]
      }"#,
    );
    assert_eq!(task.env["ADDRESS"], "127.0.0.1:20001");
    assert_eq!(task.env["TEAM"], "core on linux host");
    let config = task.config.as_map().unwrap();
    assert_eq!(config["image"], Value::from("x:5f5a7d0c"));
    assert_eq!(
        config["args"],
        Value::from(vec!["/local", "127.0.0.1:20001", "core on linux host!", "${HOME}"])
    );
}

#[test]
fn blocks_and_literal_maps_of_a_config_become_lists_of_maps() {
    let task = task(
        r#"
      config {
        labels { a = "1" }
        sysctl = { b = 2 }
        mount { target = "/x" }
        mount { target = "/y" }
      }"#,
    );
    let one = |key: &str, value: Value| Value::List(vec![Value::from([(key, value)])]);
    let config = task.config.as_map().unwrap();
    assert_eq!(config["labels"], one("a", "1".into()));
    assert_eq!(config["sysctl"], one("b", Value::Int(2)));
    assert_eq!(config["mount"].as_list().unwrap().len(), 2);
}

#[test]
fn reserved_cores_count_with_their_clock_rate() {
    let task = task("      resources {\n        cores = 2\n      }");
    assert_eq!(task.cores, 2);
    assert!(task.resources.cpu_mhz > 100, "{}", task.resources.cpu_mhz);
    refused(
        with_task("      resources {\n        cores = 2\n        cpu = 5\n      }"),
        &expect![[r#"
            job.hcl:11: `cpu` cannot be `5`: a task has either `cpu` or `cores`
              11 |         cpu = 5"#]],
    );
}

#[test]
fn restart_policies_are_inherited_key_by_key() {
    let job = job(
        "job \"j\" {\n group \"g\" {\n restart {\n attempts = 7\n mode = \"delay\"\n }\n task \"t\" {\n driver = \"containerd-driver\"\n restart { delay = \"1s\" }\n }\n }\n}\n",
    );
    let restart = job.unwrap().group.tasks[0].restart;
    assert_eq!((restart.attempts, restart.mode), (7, RestartMode::Delay));
    assert_eq!((restart.delay.as_secs(), restart.interval.as_secs()), (1, 1800));
}

#[test]
fn a_template_for_the_environment_gives_variables() {
    let task = task(
        "      template {\n        data = <<EOF\nPORT={{ env \"NOMAD_PORT_db\" }}\nEOF\n        destination = \"secrets/a.env\"\n        env = true\n      }\n      config { args = [PORT] }",
    );
    assert_eq!(task.env["PORT"], "20001");
    assert_eq!(task.config.as_map().unwrap()["args"], Value::from(vec!["20001"]));
}

#[test]
fn what_changes_nothing_is_left_out_with_a_warning() {
    let job =
        with_task("      service {\n        port = \"db\"\n      }\n      constraint { value = 1 }").unwrap();
    let lines: Vec<_> = job.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "job.hcl:12: `constraint` is left out: it is not checked, the group runs on this machine",
            "job.hcl:9: `service` is left out: it is not registered and its checks do not run",
        ]
    );
}

#[test]
fn what_would_change_the_meaning_is_refused() {
    refused(
        with_task("      artifact {\n        source = \"https://example.org/a\"\n      }"),
        &expect![[r#"
            job.hcl:9: `artifact` is not supported by `run`: nothing is downloaded; put the file into the image or a template
              9 |       artifact {"#]],
    );
    refused(
        with_task(
            "      template {\n        destination = \"local/a\"\n        data = <<EOF\nfine\n{{ key \"a/b\" }}\nEOF\n      }",
        ),
        &expect![[r#"
            job.hcl:13: `{{ key "a/b" }}` is not supported by `run`: templates have plain text and env "NAME" only
              13 | {{ key "a/b" }}"#]],
    );
    refused(
        job(
            "job \"j\" {\n group \"g\" {\n network {\n mode = \"bridge\"\n }\n task \"t\" {\n driver = \"containerd-driver\"\n }\n }\n}\n",
        ),
        &expect![[r#"
            job.hcl:4: `mode = "bridge"` is not supported by `run`: use mode = "host"; bridge networks come later
              4 |  mode = "bridge""#]],
    );
}

#[test]
fn misspelt_words_are_named_with_the_nearest_known_one() {
    refused(
        with_task("      resuorces {}"),
        &expect![[r#"
            job.hcl:9: unknown block `resuorces` in task `t`; did you mean `resources`?
              9 |       resuorces {}"#]],
    );
    refused(
        with_task("      resources {\n        memroy = 5\n      }"),
        &expect![[r#"
            job.hcl:10: unknown option `memroy` in the `resources` block; did you mean `memory`?
              10 |         memroy = 5"#]],
    );
}

#[test]
fn a_reference_that_nothing_defines_is_an_error_on_its_line() {
    refused(
        with_task(
            "      config {\n        args = [\n          \"a\",\n          \"${NOMAD_PORT_bd}\",\n        ]\n      }",
        ),
        &expect![[r#"
            job.hcl:12: undefined variable `NOMAD_PORT_bd`; did you mean `NOMAD_PORT_db`?
              12 |           "${NOMAD_PORT_bd}","#]],
    );
    refused(
        with_task("      env { A = \"${attr.cpu.nmcores}\" }"),
        &expect![[r#"
            job.hcl:9: undefined variable `attr.cpu`
              9 |       env { A = "${attr.cpu.nmcores}" }"#]],
    );
}

#[test]
fn wrong_types_and_values_are_errors_on_their_lines() {
    refused(
        with_task("      kill_timeout = \"5 minutes\""),
        &expect![[r#"
            job.hcl:9: `kill_timeout` takes a duration such as "30s" or "1h30m", found "5 minutes"
              9 |       kill_timeout = "5 minutes""#]],
    );
    refused(
        with_task("      config = { image = \"x\" }"),
        &expect![[r#"
            job.hcl:9: `config` takes a block, `name { … }`, found a value
              9 |       config = { image = "x" }"#]],
    );
    refused(
        with_task("      lifecycle {\n        hook = \"before\"\n      }"),
        &expect![[r#"
            job.hcl:10: `hook` cannot be `before`: it is prestart, poststart or poststop
              10 |         hook = "before""#]],
    );
    refused(
        with_task("    }\n    task \"u\" {\n      driver = \"docker\""),
        &expect![[r#"
            job.hcl:11: `driver` cannot be `docker`: `run` runs tasks of containerd-driver alone
              11 |       driver = "docker""#]],
    );
}

#[test]
fn a_port_in_use_is_an_error_at_its_block() {
    let error = job("job \"j\" {\n group \"g\" {\n network {\n port \"http\" {\n static = 80\n }\n }\n task \"t\" {\n driver = \"containerd-driver\"\n }\n }\n}\n").unwrap_err();
    expect![[r#"
        job.hcl:5: port `http` cannot be had: port 80 is in use
          5 |  static = 80"#]]
    .assert_eq(&error.to_string());
}

#[test]
fn a_job_with_several_groups_wants_a_choice() {
    let text = "job \"j\" {\n group \"a\" {}\n group \"b\" {\n task \"t\" {\n driver = \"containerd-driver\"\n }\n }\n}\n";
    refused(job(text), &expect!["the job has several groups (`a`, `b`): name one with --group"]);
    let source = Source::parse(Path::new("job.hcl"), text.to_owned()).unwrap();
    let chosen = Inputs { group: Some("b".into()), ..inputs() };
    let job = read_job(&source, &chosen, &mut CountedPorts::default()).unwrap();
    assert_eq!(job.identity.group, "b");
    let unknown = Inputs { group: Some("c".into()), ..inputs() };
    let result = read_job(&source, &unknown, &mut CountedPorts::default());
    refused(result, &expect!["the job has no group `c`, only `a`, `b`"]);
}

#[test]
fn what_must_be_there_is_named() {
    refused(
        job("job {\n group \"g\" {}\n}\n"),
        &expect![[r#"
            job.hcl:1: the `job` block has no `name`
              1 | job {"#]],
    );
    refused(
        job("variable \"a\" { default = 1 }\n"),
        &expect![[r#"
        job.hcl:1: the file has no `job`
          1 | variable "a" { default = 1 }"#]],
    );
    refused(
        job("job \"j\" {\n group \"g\" {\n task \"t\" {}\n }\n}\n"),
        &expect![[r#"
        job.hcl:3: task `t` has no `driver`
          3 |  task "t" {}"#]],
    );
}
