//! Hands the job file's directory to the functions that read files.
//!
//! The library's functions are plain pointers without surroundings, so the directory travels
//! as an additional first argument of the call.

use crate::expr::functions;
use hcl::edit::expr::{Expression, FuncCall};
use hcl::edit::visit_mut::{self, VisitMut};
use std::path::Path;

pub(super) fn rebase(expression: &mut Expression, directory: &Path) {
    Rebase { directory }.visit_expr_mut(expression);
}

struct Rebase<'d> {
    directory: &'d Path,
}

impl VisitMut for Rebase<'_> {
    fn visit_func_call_mut(&mut self, node: &mut FuncCall) {
        let name = functions::written_name(&node.name);
        if functions::all().iter().any(|function| function.name == name && function.reads_files) {
            node.args.insert(0, Expression::from(self.directory.display().to_string()));
        }
        visit_mut::visit_func_call_mut(self, node);
    }
}
