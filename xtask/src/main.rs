//! Set-up, demo, tests and tidy of this workspace.

mod cli;
mod containerd;
mod demo;
mod environment;
mod files;
mod images;
mod leaks;
mod packages;
mod place;
mod process;
mod screen;
mod setup;
mod signals;
mod tidy;
mod tiers;
mod with_containerd;

use std::process::ExitCode;

fn main() -> ExitCode {
    let done = cli::run();
    let code = match done {
        Ok(code) => code,
        Err(error) => {
            screen::error(&error);
            1
        }
    };
    if let Some(signal) = signals::received() {
        screen::warn(&format!("interrupted by {}", signals::name(signal)));
        return ExitCode::from(signals::exit_code(signal));
    }
    ExitCode::from(code)
}
