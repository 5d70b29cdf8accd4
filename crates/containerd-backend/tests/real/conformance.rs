//! The suite that every implementation of the port passes.

use driver_core::ports::conformance::{self, Fixture};
use driver_core::ports::{ContainerPort, ImageRequest};
use driver_core::request::ids::ContainerId;
use oci_builder::Spec;

use crate::fixture::{self, IMAGE, Room};

impl Fixture for Room {
    fn port(&self) -> &dyn ContainerPort {
        &*self.port
    }

    fn image(&self) -> ImageRequest {
        fixture::request(IMAGE)
    }

    fn spec(&self, id: &ContainerId, args: &[&str]) -> Spec {
        fixture::spec(&self.namespace, id.as_str(), args)
    }
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn the_adapter_does_what_every_port_must_do() {
    let room = Room::with_image("conformance").await;
    conformance::suite(&room).await;
    room.assert_no_lease();
    assert_eq!(room.ctr(&["containers", "list", "--quiet"]), "");
}
