//! The functions that job files use, by the names and rules of Nomad's own.

mod arguments;
mod collections;
mod encoding;
mod files;
mod format;
mod numbers;
mod text;

use arguments::Arguments;
use hcl::Value;
use hcl::eval::{FuncArgs, FuncDef, ParamType};

type Outcome = Result<Value, String>;

/// One function.
pub(super) struct Function {
    pub(super) name: &'static str,
    /// The least and the greatest number of arguments.
    arity: (usize, usize),
    /// Whether it is handed the job file's directory as its first argument.
    pub(super) reads_files: bool,
    call: hcl::eval::Func,
}

const ANY_NUMBER: usize = usize::MAX;

impl Function {
    /// The library's definition: it counts the arguments that must be there.
    pub(super) fn definition(&self) -> FuncDef {
        let own = usize::from(self.reads_files);
        let mut definition = FuncDef::builder().params(vec![ParamType::Any; self.arity.0 + own]);
        if self.arity.1 > self.arity.0 {
            definition = definition.variadic_param(ParamType::Any);
        }
        definition.build(self.call)
    }
}

macro_rules! functions {
    ($($name:literal $arity:expr, $reads_files:literal => $call:path;)*) => {
        &[$(Function {
            name: $name,
            arity: $arity,
            reads_files: $reads_files,
            call: |arguments: FuncArgs| $call(&Arguments::new(arguments)),
        }),*]
    };
}

/// A function's name as it is written, with its namespaces.
pub(super) fn written_name(name: &hcl::edit::expr::FuncName) -> String {
    let parts = name.namespace.iter().map(|part| part.as_str()).chain([name.name.as_str()]);
    parts.collect::<Vec<_>>().join("::")
}

/// Every function.
pub(super) fn all() -> &'static [Function] {
    ALL
}

static ALL: &[Function] = functions! {
    "abs" (1, 1), false => numbers::abs;
    "abspath" (1, 1), true => files::abspath;
    "base64decode" (1, 1), false => encoding::base64decode;
    "base64encode" (1, 1), false => encoding::base64encode;
    "basename" (1, 1), false => files::basename;
    "ceil" (1, 1), false => numbers::ceil;
    "chomp" (1, 1), false => text::chomp;
    "chunklist" (2, 2), false => collections::chunklist;
    "coalesce" (1, ANY_NUMBER), false => collections::coalesce;
    "coalescelist" (1, ANY_NUMBER), false => collections::coalescelist;
    "compact" (1, 1), false => collections::compact;
    "concat" (1, ANY_NUMBER), false => collections::concat;
    "contains" (2, 2), false => collections::contains;
    "dirname" (1, 1), false => files::dirname;
    "distinct" (1, 1), false => collections::distinct;
    "element" (2, 2), false => collections::element;
    "file" (1, 1), true => files::file;
    "filebase64" (1, 1), true => files::filebase64;
    "fileexists" (1, 1), true => files::fileexists;
    "flatten" (1, 1), false => collections::flatten;
    "floor" (1, 1), false => numbers::floor;
    "format" (1, ANY_NUMBER), false => format::format;
    "formatlist" (1, ANY_NUMBER), false => format::formatlist;
    "indent" (2, 2), false => text::indent;
    "index" (2, 2), false => collections::index;
    "join" (2, ANY_NUMBER), false => text::join;
    "jsondecode" (1, 1), false => encoding::jsondecode;
    "jsonencode" (1, 1), false => encoding::jsonencode;
    "keys" (1, 1), false => collections::keys;
    "length" (1, 1), false => collections::length;
    "lookup" (2, 3), false => collections::lookup;
    "lower" (1, 1), false => text::lower;
    "max" (1, ANY_NUMBER), false => numbers::max;
    "merge" (1, ANY_NUMBER), false => collections::merge;
    "min" (1, ANY_NUMBER), false => numbers::min;
    "parseint" (2, 2), false => numbers::parseint;
    "range" (1, 3), false => numbers::range;
    "replace" (3, 3), false => text::replace;
    "reverse" (1, 1), false => collections::reverse;
    "setintersection" (1, ANY_NUMBER), false => collections::setintersection;
    "setunion" (1, ANY_NUMBER), false => collections::setunion;
    "sha256" (1, 1), false => encoding::sha256;
    "signum" (1, 1), false => numbers::signum;
    "slice" (3, 3), false => collections::slice;
    "sort" (1, 1), false => collections::sort;
    "split" (2, 2), false => text::split;
    "strlen" (1, 1), false => text::strlen;
    "strrev" (1, 1), false => text::strrev;
    "substr" (3, 3), false => text::substr;
    "title" (1, 1), false => text::title;
    "trim" (2, 2), false => text::trim;
    "trimprefix" (2, 2), false => text::trimprefix;
    "trimspace" (1, 1), false => text::trimspace;
    "trimsuffix" (2, 2), false => text::trimsuffix;
    "upper" (1, 1), false => text::upper;
    "urlencode" (1, 1), false => encoding::urlencode;
    "uuidv4" (0, 0), false => encoding::uuidv4;
    "values" (1, 1), false => collections::values;
    "zipmap" (2, 2), false => collections::zipmap;
};

#[cfg(test)]
mod tests {
    use crate::expr::tests::evaluate;

    /// The value of an expression as JSON, or the message without its place.
    pub(super) fn value(expression: &str) -> String {
        match evaluate(&format!("a = {expression}\n")) {
            Ok(value) => serde_json::to_string(&value).unwrap(),
            Err(error) => error.to_string().lines().next().unwrap().to_owned(),
        }
    }

    #[test]
    fn too_few_and_too_many_arguments_are_errors() {
        assert!(value("upper()").contains("upper()"), "{}", value("upper()"));
        assert!(value("upper(1, 2)").contains("upper()"), "{}", value("upper(1, 2)"));
        assert_eq!(value("lookup({}, 1, 2, 3)"), "job.hcl:1: lookup(): takes at most 3 arguments");
    }

    #[test]
    fn the_table_is_sorted_by_name() {
        let names: Vec<_> = super::all().iter().map(|function| function.name).collect();
        assert!(names.is_sorted(), "{names:?}");
    }
}
