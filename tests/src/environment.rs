//! The variables that the test run sets; one that is missing fails the test with a text that helps.

use std::path::PathBuf;

/// How the tests are run.
const HOW: &str = "the end-to-end tests need a prepared host: run `cargo xtask test --tier e2e`";

/// The JSON file that describes the private containerd.
pub fn containerd_instance() -> PathBuf {
    variable("CONTAINERD_INSTANCE")
}

/// The release binary of the driver.
pub fn driver() -> PathBuf {
    variable("CONTAINERD_DRIVER_BIN")
}

/// The directory of the image archives and their `index.json`.
pub fn images() -> PathBuf {
    variable("TEST_IMAGES")
}

/// The program that serves further private containerds.
pub fn xtask() -> PathBuf {
    variable("XTASK_BIN")
}

/// The distribution's registry server.
pub fn registry() -> PathBuf {
    variable("DOCKER_REGISTRY_BIN")
}

/// How many rounds the tests that count in rounds make, when the run was asked for more.
pub fn rounds() -> Option<usize> {
    std::env::var("CONTAINERD_DRIVER_TEST_ROUNDS").ok().map(|text| text.parse().unwrap())
}

/// Whether the run was asked for the long form of the tests that have one.
pub fn long() -> bool {
    std::env::var_os("CONTAINERD_DRIVER_TEST_LONG").is_some()
}

/// How many times longer than usual the tests wait; more than one where the host is an emulated machine.
pub fn patience() -> u32 {
    let set = std::env::var("CONTAINERD_DRIVER_TEST_PATIENCE").ok();
    set.map_or(1, |times| times.parse().expect("CONTAINERD_DRIVER_TEST_PATIENCE is a whole number"))
}

fn variable(name: &str) -> PathBuf {
    match std::env::var_os(name) {
        Some(value) => value.into(),
        None => panic!("{name} is not set: {HOW}"),
    }
}
