//! Set-up, demo, tests and tidy of this workspace.

mod cli;
mod containerd;
mod demo;
mod environment;
mod files;
mod fuzz;
mod guest;
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
    let code = match (cli::run(), signals::received()) {
        // Whoever was interrupted and still came to its end says itself how it ended.
        (Ok(code), _) => code,
        (Err(error), None) => {
            screen::error(&error);
            1
        }
        (Err(error), Some(signal)) => {
            screen::error(&error);
            signals::exit_code(signal)
        }
    };
    ExitCode::from(code)
}
