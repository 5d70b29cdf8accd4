//! The watcher on a daemon that is there.

use driver_core::ports::{Connection, Stdio};
use driver_core::request::ids::ContainerId;

use crate::fixture::{Room, soon, spec};

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn a_lack_of_memory_is_told_before_the_end() {
    let room = Room::with_image("oom").await;
    let mut connection = room.port.connection();
    soon("the connection", connection.wait_for(|state| *state == Connection::Up)).await.unwrap();
    let mut hints = room.port.oom_hints(&ContainerId::existing("oom"));
    // The shim of cgroup v1 listens to the kernel only when the task has started.
    // The first process lives on: of its own death the shim tells beside the lack of memory, in either order.
    let script =
        "until [ -e /go ]; do sleep 0.1; done; tail /dev/zero; until [ -e /end ]; do sleep 0.1; done; exit 7";
    let mut value = serde_json::to_value(spec(&room.namespace, "oom", &["/bin/sh", "-c", script])).unwrap();
    value["linux"]["resources"] = serde_json::json!({ "memory": { "limit": 16 << 20 } });
    let (id, rootfs) = room.container_of("oom", serde_json::from_value(value).unwrap()).await;
    let pid = room.port.create_task(&id, &rootfs, &Stdio::default()).await.unwrap();
    room.port.start_task(&id).await.unwrap();
    std::fs::write(format!("/proc/{pid}/root/go"), "").unwrap();
    soon("the hint", hints.changed()).await.unwrap();
    std::fs::write(format!("/proc/{pid}/root/end"), "").unwrap();
    assert_eq!(soon("the end", room.port.wait_task(&id)).await.unwrap().code, 7);
    room.port.purge(&id).await.unwrap();
}
