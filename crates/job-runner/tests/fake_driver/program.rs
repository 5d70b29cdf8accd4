//! A program in the driver's place: its tasks are shell commands on the host, so that whole runs
//! can be tested without a container runtime. Like the real one it is plugin and `run` in one.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a program of the tests: what goes wrong ends it"
)]

mod server;
mod tasks;

use job_runner::RunOptions;
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::var_os(nomad_proto::handshake::COOKIE_KEY).is_some() {
        return server::serve();
    }
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next().as_deref().and_then(|verb| verb.to_str()) {
        Some("import") => import(arguments.next_back().map(PathBuf::from).unwrap_or_default()),
        Some("run") => run(arguments.map(|argument| argument.into_string().unwrap()).collect()),
        _ => panic!("run or import"),
    }
}

fn import(archive: PathBuf) -> ExitCode {
    match std::fs::read_to_string(&archive) {
        Ok(name) => {
            println!("imported {}", name.trim());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("no archive: {error}");
            ExitCode::FAILURE
        }
    }
}

/// `run JOB STATE_DIR [--flag value]…`
fn run(arguments: Vec<String>) -> ExitCode {
    let [job, state_dir, rest @ ..] = arguments.as_slice() else { panic!("a job and a directory") };
    let mut options = RunOptions::new(job, std::env::current_exe().unwrap());
    options.driver = "fake".to_owned();
    options.state_dir = state_dir.into();
    for pair in rest.chunks(2) {
        let value = pair[1].clone();
        match pair[0].as_str() {
            "--address" => options.address = Some(value),
            "--plugin-config" => options.plugin_config = Some(value.into()),
            "--load" => options.load.push(value.into()),
            "--var" => options.variables.push(value),
            other => panic!("{other}"),
        }
    }
    ExitCode::from(u8::try_from(job_runner::run(&options)).unwrap())
}
