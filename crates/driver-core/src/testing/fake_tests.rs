//! The fake daemon against the suite that every port passes.

use oci_builder::Spec;

use super::fake::FakePort;
use super::oci_spec;
use crate::ports::{ContainerPort, ImageRequest, conformance};
use crate::request::ids::ContainerId;

struct Fake(FakePort);

impl conformance::Fixture for Fake {
    fn port(&self) -> &dyn ContainerPort {
        &self.0
    }

    fn image(&self) -> ImageRequest {
        let (reference, timeout) = ("busybox".into(), std::time::Duration::from_secs(1));
        ImageRequest { reference, timeout, credentials: Vec::new() }
    }

    fn spec(&self, _: &ContainerId, args: &[&str]) -> Spec {
        oci_spec(args)
    }
}

#[tokio::test]
async fn the_fake_passes_the_suite_of_the_real_adapter() {
    conformance::suite(&Fake(FakePort::new())).await;
}
