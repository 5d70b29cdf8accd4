//! A pure function from a typed plan to an OCI runtime spec, one module per option.
