//! Generates the types and services of `protos/`, and the descriptor set that server reflection answers with.

use std::env;
use std::error::Error;
use std::path::PathBuf;

/// Paths beneath `protos/`, which are also the import paths.
const FILES: &[&str] = &[
    "google/rpc/status.proto",
    "internal/plugin/grpc_broker.proto",
    "internal/plugin/grpc_controller.proto",
    "internal/plugin/grpc_stdio.proto",
    "plugins/base/proto/base.proto",
    "plugins/drivers/proto/driver.proto",
    "plugins/shared/hclspec/hcl_spec.proto",
    "plugins/shared/structs/proto/attribute.proto",
    "plugins/shared/structs/proto/recoverable_error.proto",
    "plugins/shared/structs/proto/stats.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let files: Vec<String> = FILES.iter().map(|file| format!("protos/{file}")).collect();
    println!("cargo::rerun-if-changed=protos");
    tonic_prost_build::configure()
        .btree_map(".")
        .skip_debug([
            ".hashicorp.nomad.plugins.base.proto.SetConfigRequest",
            ".hashicorp.nomad.plugins.drivers.proto.TaskConfig",
        ])
        .include_file("wire.rs")
        .file_descriptor_set_path(out.join("descriptors.bin"))
        .emit_rerun_if_changed(false)
        .compile_protos(&files, &["protos".to_owned()])?;
    Ok(())
}
