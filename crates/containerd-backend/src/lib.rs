//! Images, rootfs, tasks and events over containerd's gRPC.
