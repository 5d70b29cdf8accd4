//! The command line: what each word of `cargo xtask` starts.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::containerd::{Version, keeper};
use crate::guest::Init;
use crate::{demo, fuzz, images, setup, signals, tidy, tiers, with_containerd};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Set-up, demo, tests and tidy of this workspace.")]
struct Cli {
    #[command(subcommand)]
    command: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Says what this host lacks and installs it with the package manager.
    Setup,
    /// Runs examples/redis.nomad.hcl unmodified on a private containerd.
    Demo {
        /// The socket of a containerd that runs already; without it a private one is started.
        #[arg(long, value_name = "SOCKET")]
        address: Option<PathBuf>,
    },
    /// Runs every test and prints one closing line.
    Test {
        /// Only these tiers; may be given more than once.
        #[arg(long, value_name = "TIER")]
        tier: Vec<String>,
        /// How many rounds the tiers that count in rounds make.
        #[arg(long, value_name = "N")]
        rounds: Option<u32>,
        /// Runs the long form of the tests that have one.
        #[arg(long)]
        long: bool,
    },
    /// Feeds the decoders of foreign bytes with inputs that reach more and more of them, one after the other.
    Fuzz {
        /// Only this target.
        name: Option<String>,
        /// For how long each is fed, in seconds.
        #[arg(long, value_name = "N", default_value_t = 60)]
        seconds: u64,
    },
    /// Formatting, clippy, the crates' arrows and the rules of the files.
    Tidy,
    /// Runs a command with CONTAINERD_ADDRESS pointing at a private containerd.
    WithContainerd {
        /// `host`, or 1.4, 1.6, 1.7 or 2.1 from the distribution's other suites, unpacked and not installed.
        #[arg(long, value_name = "V", default_value = "host")]
        version: Version,
        /// The command and its arguments.
        #[arg(last = true, required = true, value_name = "COMMAND")]
        command: Vec<String>,
    },
    /// Runs end-to-end tests in the guest with cgroup v2, those whose names contain one of the texts, or all.
    Guest {
        /// With systemd as the guest's first program.
        #[arg(long)]
        systemd: bool,
        /// On a kernel without the controllers cpuset and pids.
        #[arg(long, conflicts_with = "systemd")]
        lacking: bool,
        /// Parts of names of tests.
        #[arg(value_name = "TEXT")]
        only: Vec<String>,
    },
    /// Within the guest: runs the tests of its second disk.
    #[command(hide = true)]
    GuestTests,
    /// Makes the test images and prints the directory that holds them.
    Images,
    /// Serves a private containerd until standard input closes; one JSON line tells when it is ready.
    ServeContainerd {
        /// The directory of the binaries `containerd` and `containerd-shim-runc-v2`; by default the host's.
        #[arg(long, value_name = "DIR")]
        bin_dir: Option<PathBuf>,
    },
}

/// Reads the command line and does what it says; the number is the exit code.
pub(crate) fn run() -> Result<u8> {
    let verb = Cli::parse().command;
    if let Verb::ServeContainerd { bin_dir } = verb {
        return keeper::serve(bin_dir.as_deref());
    }
    signals::install()?;
    match verb {
        Verb::Setup => setup::run().map(|()| 0),
        Verb::Demo { address } => demo::run(address.as_deref()),
        Verb::Test { tier, rounds, long } => tiers::run(&tier, rounds, long),
        Verb::Fuzz { name, seconds } => fuzz::run(name.as_deref(), seconds),
        Verb::Tidy => tidy::run(),
        Verb::WithContainerd { version, command } => with_containerd::run(version, &command),
        Verb::Guest { systemd: true, only, .. } => tiers::cgroup2::by_hand(Init::Systemd, &only),
        Verb::Guest { lacking: true, only, .. } => tiers::cgroup2::by_hand(Init::Lacking, &only),
        Verb::Guest { only, .. } => tiers::cgroup2::by_hand(Init::Script, &only),
        Verb::GuestTests => tiers::cgroup2::inside(),
        Verb::Images => images::print_directory().map(|()| 0),
        Verb::ServeContainerd { .. } => Ok(0),
    }
}
