//! containerd's image records: a name and what it stands for.

use containerd_client::services::v1::{CreateImageRequest, GetImageRequest, Image, UpdateImageRequest};
use prost_types::FieldMask;

use super::model::Descriptor;
use crate::grpc::daemon::Daemon;
use crate::grpc::error::RpcError;

/// What a name stands for; none when there is no image of this name.
pub(crate) async fn read(daemon: &Daemon, name: &str) -> Result<Option<Descriptor>, RpcError> {
    let mut images = daemon.images();
    let request = GetImageRequest { name: name.to_owned() };
    match daemon.call("look for the image", name, images.get(request)).await {
        Ok(response) => Ok(response.image.and_then(|image| image.target).map(Descriptor::from_wire)),
        Err(refused) if refused.is_not_found() => Ok(None),
        Err(refused) => Err(refused),
    }
}

/// Lets a name stand for an image from now on.
pub(crate) async fn write(daemon: &Daemon, name: &str, target: &Descriptor) -> Result<(), RpcError> {
    let image = Image { name: name.to_owned(), target: Some(target.to_wire()), ..Image::default() };
    let mut images = daemon.images();
    let request = CreateImageRequest { image: Some(image.clone()), source_date_epoch: None };
    match daemon.call("record the image", name, images.create(request)).await {
        Err(refused) if refused.is_already_there() => {
            let request = UpdateImageRequest {
                image: Some(image),
                update_mask: Some(FieldMask { paths: vec!["target".to_owned()] }),
                source_date_epoch: None,
            };
            daemon.call("update the image's record", name, images.update(request)).await.map(drop)
        }
        other => other.map(drop),
    }
}
