//! cwd
