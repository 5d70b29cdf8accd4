//! What tests hold against each other: the options in the tables' blocks, and those that a decoder asks for.

use std::collections::BTreeSet;

use super::reader::{OptionError, Reader};
use super::{Entry, Kind};

/// The options in all blocks of a table, each with the names of its blocks in front.
pub(super) fn nested_names(table: &[Entry]) -> BTreeSet<String> {
    table.iter().flat_map(|entry| in_block(entry, entry.name)).collect()
}

fn in_block(entry: &Entry, name: &str) -> Vec<String> {
    let (Kind::Block(nested) | Kind::Blocks(nested) | Kind::TextsOrBlocks(nested)) = entry.kind else {
        return Vec::new();
    };
    let with_its_own = |entry: &Entry| {
        let name = format!("{name}.{}", entry.name);
        let mut names = in_block(entry, &name);
        names.push(name);
        names
    };
    nested.iter().flat_map(with_its_own).collect()
}

/// What a decoder asks an empty block for.
pub(super) fn asked_by(read: impl FnOnce(&mut Reader) -> Result<(), OptionError>) -> BTreeSet<String> {
    let mut block = Reader::new(&[]).unwrap();
    read(&mut block).unwrap();
    block.asked().iter().map(|name| (*name).to_owned()).collect()
}
