//! The environment that commands and tests get: every variable, and what it says.
//!
//! This file is the contract between `xtask` and the end-to-end tests; a name is used nowhere else.

/// The socket of the private containerd.
pub(crate) const CONTAINERD_ADDRESS: &str = "CONTAINERD_ADDRESS";

/// The file that holds the process id of the private containerd, without a line end.
pub(crate) const CONTAINERD_PIDFILE: &str = "CONTAINERD_PIDFILE";

/// A JSON file that describes the private containerd: `address`, `root`, `state`, `config`, `log`,
/// `pid_file`, `bin_dir`, `version`, and `argv` and `path` (the value of PATH), with which a test that
/// killed it starts the same one again, and then writes the new id to `pid_file`.
pub(crate) const CONTAINERD_INSTANCE: &str = "CONTAINERD_INSTANCE";

/// The binary `containerd` that runs.
pub(crate) const CONTAINERD_BIN: &str = "CONTAINERD_BIN";

/// The version that runs, as `containerd --version` prints it, for instance `1.6.20~ds1`.
pub(crate) const CONTAINERD_VERSION: &str = "CONTAINERD_VERSION";

/// The release binary of the driver. Set for tests.
pub(crate) const CONTAINERD_DRIVER_BIN: &str = "CONTAINERD_DRIVER_BIN";

/// The directory of the image archives; its `index.json` maps a short name (`busybox`, `busybox-gzip`,
/// `busybox-zstd`, `busybox-layers`, `busybox-config`, `busybox-foreign`, `busybox-index`,
/// `busybox-docker`, `redis`) to `file`, `reference` and `about`. Set for tests.
pub(crate) const TEST_IMAGES: &str = "TEST_IMAGES";

/// This program. `$XTASK_BIN serve-containerd [--bin-dir DIR]` starts a further private containerd for
/// a test that wants to kill one: its first line on standard output is the JSON of
/// [`CONTAINERD_INSTANCE`]; it lives until its standard input closes, and then takes everything of the
/// instance with it, whoever started the daemon last. A test waits for its end. Set for tests.
pub(crate) const XTASK_BIN: &str = "XTASK_BIN";

/// The directory of the reference CNI plugins. Set for tests.
pub(crate) const CNI_PATH: &str = "CNI_PATH";

/// The registry server of the distribution (`docker-registry serve CONFIG`), never started here. Set for
/// tests.
pub(crate) const DOCKER_REGISTRY_BIN: &str = "DOCKER_REGISTRY_BIN";

/// A mark that every process of a test run inherits; by it the leak check knows them. Set for tests.
pub(crate) const TEST_RUN: &str = "CONTAINERD_DRIVER_TEST_RUN";

/// Set to make tests that have a long form run it. Set for tests.
pub(crate) const TEST_LONG: &str = "CONTAINERD_DRIVER_TEST_LONG";

/// How many times longer than usual the tests wait for what must happen. Set in an emulated machine.
pub(crate) const TEST_PATIENCE: &str = "CONTAINERD_DRIVER_TEST_PATIENCE";

/// How many rounds the tiers that count in rounds make, when it was asked for. Set for tests.
pub(crate) const TEST_ROUNDS: &str = "CONTAINERD_DRIVER_TEST_ROUNDS";
