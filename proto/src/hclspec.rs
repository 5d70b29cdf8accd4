//! Schemas of configuration bodies: how a plugin builds them and how a client applies them.
