//! What the kernel gives: cgroup files, checked paths, limits, FIFOs, hosts and resolv.conf files.
