#!/bin/sh
# The first program of the guest, or under systemd its one service: makes the host ready, runs the tests from the
# second disk and switches the machine off.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
if [ $$ = 1 ]; then
    mountpoint -q /proc || mount -t proc proc /proc
    mountpoint -q /sys || mount -t sysfs sysfs /sys
    mountpoint -q /run || mount -t tmpfs -o mode=755 tmpfs /run
    mkdir -p /dev/pts /dev/shm
    mountpoint -q /dev/pts || mount -t devpts devpts /dev/pts
    mountpoint -q /dev/shm || mount -t tmpfs tmpfs /dev/shm
    mount -t tmpfs tmpfs /tmp
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
    # Only a cgroup without processes of its own hands controllers on.
    mkdir /sys/fs/cgroup/init
    echo $$ > /sys/fs/cgroup/init/cgroup.procs
    for controller in $(cat /sys/fs/cgroup/cgroup.controllers); do
        echo "+$controller" > /sys/fs/cgroup/cgroup.subtree_control
    done
    hostname guest
    ip link set lo up
fi
# What udev would have loaded where it runs.
modprobe -a fuse loop tun
mkdir -p /payload
mount -o ro /dev/vdb /payload
# A pipe in the place of the console: nothing draws a spinner on it.
/payload/xtask guest-tests 2>&1 | cat
echo o > /proc/sysrq-trigger
# The machine goes while this waits; an init that ended would be a panic.
sleep 60
