// Package agent holds the driver to Nomad itself: HashiCorp's own client and a real agent run the built
// binary on a real containerd. It is test code only; `cargo xtask test --tier agent` builds and starts it.
//
// # Packages
//
//   - harness: starts the binary as Nomad does, makes tasks, looks into containerd, ends what is left.
//   - driver: the cases that drive the plugin alone, among them the client's conformance helpers.
//   - agent (this directory): the cases under a whole agent, in the test process and as a process of its
//     own that can be killed.
//
// # Environment
//
// Every variable is required unless it says otherwise; a missing one fails the run with a text.
//
//   - CONTAINERD_ADDRESS: the socket of a private containerd.
//   - CONTAINERD_DRIVER_BIN: the driver's binary.
//   - TEST_IMAGES: the directory of the image archives with its index.json.
//   - CNI_PATH: the directory of the reference CNI plugins.
//   - XTASK_BIN: `$XTASK_BIN serve-containerd` starts a further private containerd, for the cases that
//     kill one.
//   - CONTAINERD_BIN: the containerd of which that one is a further instance; optional, by default the host's.
//   - AGENT_TEST_LOGS: a directory for the logs of agents and plugins; optional, by default the run's own
//     directory, which is removed when everything passed.
//
// # Build and run
//
// The agent starts itself again as its log collector, which it can only under the name nomad:
//
//	go test -c -o DIR/driver ./driver && DIR/driver -test.v
//	go test -c -o DIR/nomad . && DIR/nomad -test.v
//
// Other versions of Nomad have a module file each, in versions, and share everything else; cases and
// harness keep to what all of them offer:
//
//	go test -modfile=versions/nomad-1.9.mod -c -o DIR/driver ./driver
//
// Of the version 1.9 the client's libraries compile, and with them the package driver; the agent does not.
// Which cases run with which versions says the table in README.
//
// All run as root in this directory, from which the job files of examples/ are found.
//
// A failure's text begins with a line break, as that of package must does; a log's does not. By that `cargo xtask test`
// shows a failure at once.
package agent
