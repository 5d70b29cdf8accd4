//! Looks at every name an expression uses and reports the first that is not defined.

use crate::expr::{Scope, functions, suggestion};
use crate::source::Source;
use crate::source::error::{JobFileError, Problem};
use hcl::Value;
use hcl::edit::Span;
use hcl::edit::expr::{Expression, ForExpr, FuncCall, Traversal, TraversalOperator};
use hcl::edit::template::ForDirective;
use hcl::edit::visit::{self, Visit};
use std::ops::Range;

pub(super) fn check(scope: &Scope, source: &Source, expression: &Expression) -> Result<(), JobFileError> {
    let mut references = References { scope, bound: Vec::new(), fault: None };
    references.visit_expr(expression);
    match references.fault {
        Some((span, problem)) => Err(source.error(span, problem)),
        None => Ok(()),
    }
}

struct References<'s> {
    scope: &'s Scope,
    bound: Vec<String>,
    fault: Option<(Option<Range<usize>>, Problem)>,
}

impl References<'_> {
    fn report(&mut self, span: Option<Range<usize>>, what: &'static str, name: String, hint: String) {
        if self.fault.is_none() {
            self.fault = Some((span, Problem::Undefined { what, name, hint }));
        }
    }

    fn check_path(&mut self, span: Option<Range<usize>>, root: &str, steps: &[String]) {
        if self.bound.iter().any(|bound| bound == root) {
            return;
        }
        let Some(mut value) = self.scope.get(root) else {
            let hint = suggestion(root, self.scope.names());
            return self.report(span, "variable", root.to_owned(), hint);
        };
        let mut path = root.to_owned();
        for step in steps {
            let Value::Object(entries) = value else { return };
            let Some(inner) = entries.get(step) else {
                let known: Vec<String> = entries.keys().map(|key| format!("{path}.{key}")).collect();
                path = format!("{path}.{step}");
                let hint = suggestion(&path, known.iter().map(String::as_str));
                return self.report(span, "variable", path, hint);
            };
            path = format!("{path}.{step}");
            value = inner;
        }
    }

    fn with_bound<'n>(&mut self, names: impl IntoIterator<Item = &'n str>, inside: impl FnOnce(&mut Self)) {
        let before = self.bound.len();
        self.bound.extend(names.into_iter().map(str::to_owned));
        inside(self);
        self.bound.truncate(before);
    }
}

/// The leading steps that are names: `a.b["c"][0].d` gives `b` and `c`.
fn literal_steps(operators: &[hcl::edit::Decorated<TraversalOperator>]) -> Vec<String> {
    operators
        .iter()
        .map_while(|operator| match operator.value() {
            TraversalOperator::GetAttr(name) => Some(name.as_str().to_owned()),
            TraversalOperator::Index(Expression::String(key)) => Some(key.value().clone()),
            _ => None,
        })
        .collect()
}

impl Visit for References<'_> {
    fn visit_expr(&mut self, node: &Expression) {
        match node {
            Expression::Variable(name) => self.check_path(name.span(), name.as_str(), &[]),
            other => visit::visit_expr(self, other),
        }
    }

    fn visit_traversal(&mut self, node: &Traversal) {
        match &node.expr {
            Expression::Variable(root) => {
                let steps = literal_steps(&node.operators);
                self.check_path(node.span().or_else(|| root.span()), root.as_str(), &steps);
            }
            other => self.visit_expr(other),
        }
        for operator in &node.operators {
            if let TraversalOperator::Index(index) = operator.value() {
                self.visit_expr(index);
            }
        }
    }

    fn visit_func_call(&mut self, node: &FuncCall) {
        let name = functions::written_name(&node.name);
        if !functions::all().iter().any(|function| function.name == name) {
            let hint = suggestion(&name, functions::all().iter().map(|function| function.name));
            self.report(node.span(), "function", name, hint);
        }
        for argument in node.args.iter() {
            self.visit_expr(argument);
        }
    }

    fn visit_for_expr(&mut self, node: &ForExpr) {
        self.visit_expr(&node.intro.collection_expr);
        let key = node.intro.key_var.as_ref().map(|name| name.as_str());
        let names = key.into_iter().chain([node.intro.value_var.as_str()]);
        self.with_bound(names, |inside| {
            if let Some(key) = &node.key_expr {
                inside.visit_expr(key);
            }
            inside.visit_expr(&node.value_expr);
            if let Some(condition) = &node.cond {
                inside.visit_expr(&condition.expr);
            }
        });
    }

    fn visit_for_directive(&mut self, node: &ForDirective) {
        let intro = &node.for_expr;
        self.visit_expr(&intro.collection_expr);
        let key = intro.key_var.as_ref().map(|name| name.as_str());
        let names = key.into_iter().chain([intro.value_var.as_str()]);
        self.with_bound(names, |inside| visit::visit_template(inside, &intro.template));
    }
}
