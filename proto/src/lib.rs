//! The wire: Nomad's driver protocol and go-plugin's services, cty msgpack, hclspec and the handshake.

pub mod cty;
pub mod duration;
pub mod handshake;
pub mod hclspec;
pub mod pb;
pub mod status;
