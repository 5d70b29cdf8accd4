//! The client side of Nomad's driver protocol: starts a plugin, prepares allocations, log pipes and ports.
