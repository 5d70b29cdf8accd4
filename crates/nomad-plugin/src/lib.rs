//! The plugin side of Nomad's driver protocol: handshake, services, schema, hclog lines.
