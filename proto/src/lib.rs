//! The wire: Nomad's driver protocol and go-plugin's services, cty msgpack, hclspec and the handshake.

pub mod pb;
