//! Evaluates the expressions of a job file, with every fault placed on its own line.
//!
//! Names are checked before anything is evaluated, because the library's errors carry no
//! position, and lists and objects are walked element by element for the same reason.

mod functions;
mod references;
mod relative_paths;

use crate::source::Source;
use crate::source::error::{JobFileError, Problem};
use hcl::Value;
use hcl::edit::Span;
use hcl::edit::expr::{Expression, ObjectKey};
use hcl::eval::{Context, ErrorKind, Evaluate};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The names that expressions may use.
#[derive(Clone)]
pub struct Scope {
    variables: BTreeMap<String, Value>,
    directory: PathBuf,
}

impl Scope {
    /// A scope without variables; `directory` is where relative paths given to `file()` start.
    pub fn new(directory: &Path) -> Self {
        Self { variables: BTreeMap::new(), directory: directory.to_owned() }
    }

    /// Binds a name, which hides what was bound to it before.
    pub fn bind(&mut self, name: &str, value: impl Into<Value>) {
        self.variables.insert(name.to_owned(), value.into());
    }

    /// The value bound to a name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.variables.get(name)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.keys().map(String::as_str)
    }

    /// The value of an expression.
    ///
    /// # Errors
    /// The first name that is not defined, or the first operation that cannot be done.
    pub fn evaluate(&self, source: &Source, expression: &Expression) -> Result<Value, JobFileError> {
        references::check(self, source, expression)?;
        let context = self.context();
        self.walk(source, &context, expression)
    }

    fn walk(
        &self,
        source: &Source,
        context: &Context<'_>,
        expression: &Expression,
    ) -> Result<Value, JobFileError> {
        match expression {
            Expression::Array(items) => {
                let items = items.iter().map(|item| self.walk(source, context, item));
                Ok(Value::Array(items.collect::<Result<_, _>>()?))
            }
            Expression::Object(entries) => {
                let mut object = hcl::Map::new();
                for (key, value) in entries.iter() {
                    let key = self.key(source, context, key)?;
                    object.insert(key, self.walk(source, context, value.expr())?);
                }
                Ok(Value::Object(object))
            }
            other => self.leaf(source, context, other, other.span()),
        }
    }

    fn key(&self, source: &Source, context: &Context<'_>, key: &ObjectKey) -> Result<String, JobFileError> {
        match key {
            ObjectKey::Ident(name) => Ok(name.as_str().to_owned()),
            ObjectKey::Expression(expression) => {
                let span = expression.span();
                match self.leaf(source, context, expression, span.clone())? {
                    Value::String(text) => Ok(text),
                    Value::Number(number) => Ok(number.to_string()),
                    Value::Bool(value) => Ok(value.to_string()),
                    other => Err(source.error(
                        span,
                        Problem::Type {
                            name: "an object's key".into(),
                            expected: "a string",
                            found: other.to_string(),
                        },
                    )),
                }
            }
        }
    }

    fn leaf(
        &self,
        source: &Source,
        context: &Context<'_>,
        expression: &Expression,
        span: Option<Range<usize>>,
    ) -> Result<Value, JobFileError> {
        let mut expression = expression.clone();
        relative_paths::rebase(&mut expression, &self.directory);
        hcl::Expression::from(expression)
            .evaluate(context)
            .map_err(|error| source.error(span, problem_of(error.into_kind())))
    }

    fn context(&self) -> Context<'_> {
        let mut context = Context::new();
        for (name, value) in &self.variables {
            context.declare_var(hcl::Identifier::sanitized(name), value.clone());
        }
        for function in functions::all() {
            context.declare_func(hcl::Identifier::unchecked(function.name), function.definition());
        }
        context
    }
}

/// `; did you mean …?` when a known name is close to the written one, else nothing.
pub(crate) fn suggestion<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let nearest = nomad_proto::hclspec::nearest(written, known);
    nearest.map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

fn problem_of(kind: ErrorKind) -> Problem {
    match kind {
        ErrorKind::FuncCall(name, message) => Problem::Evaluation(format!("{name}(): {message}")),
        other => Problem::Evaluation(other.to_string()),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    pub(crate) fn evaluate(text: &str) -> Result<Value, JobFileError> {
        let mut scope = Scope::new(Path::new("."));
        let mut variables = hcl::Map::new();
        variables.insert("name".to_owned(), Value::from("redis"));
        variables.insert("count".to_owned(), Value::from(3));
        scope.bind("var", Value::Object(variables));
        scope.bind("NOMAD_PORT_db", "20001");
        let source = Source::parse(Path::new("job.hcl"), text.to_owned()).unwrap();
        let attribute = source.body().attributes().next().unwrap();
        scope.evaluate(&source, &attribute.value)
    }

    fn check(text: &str, expected: &Expect) {
        match evaluate(text) {
            Ok(value) => expected.assert_eq(&value.to_string()),
            Err(error) => expected.assert_eq(&error.to_string()),
        }
    }

    #[test]
    fn a_template_takes_variables_and_runtime_values() {
        check(r#"a = "${var.name}:${NOMAD_PORT_db} $${KEPT}""#, &expect![[r#""redis:20001 ${KEPT}""#]]);
    }

    #[test]
    fn an_unknown_reference_in_a_template_is_found_on_its_own_line() {
        check(
            "a = [\n  \"fine ${var.name}\",\n  \"${var.nam} and ${NOMAD_PORT_db}\",\n]\n",
            &expect![[r#"
                job.hcl:3: undefined variable `var.nam`; did you mean `var.name`?
                  3 |   "${var.nam} and ${NOMAD_PORT_db}","#]],
        );
    }

    #[test]
    fn an_unknown_reference_in_a_heredoc_is_found_on_its_own_line() {
        check(
            "a = <<EOF\nfirst\nport ${NOMAD_PORT_dd}\nEOF\n",
            &expect![[r#"
                job.hcl:3: undefined variable `NOMAD_PORT_dd`; did you mean `NOMAD_PORT_db`?
                  3 | port ${NOMAD_PORT_dd}"#]],
        );
    }

    #[test]
    fn an_unknown_function_is_named() {
        check(
            "a = uper(\"x\")\n",
            &expect![[r#"
                job.hcl:1: undefined function `uper`; did you mean `upper`?
                  1 | a = uper("x")"#]],
        );
    }

    #[test]
    fn the_names_of_a_for_expression_are_known_inside_it() {
        check(
            r#"a = [for i, x in ["a", "b"] : "${i}${x}${var.name}"]"#,
            &expect![[r#"
                [
                  "0aredis",
                  "1bredis"
                ]"#]],
        );
    }

    #[test]
    fn an_operation_on_wrong_types_is_an_error_on_its_line() {
        check(
            "a = {\n  b = 1\n  c = var.name + 1\n}\n",
            &expect![[r#"
                job.hcl:3: binary operator `+` is not applicable to `"redis"` and `1`
                  3 |   c = var.name + 1"#]],
        );
    }

    #[test]
    fn a_conditional_and_a_computed_key_are_evaluated() {
        check(
            r#"a = { (var.name) = var.count > 2 ? "many" : "few" }"#,
            &expect![[r#"
                {
                  "redis" = "many"
                }"#]],
        );
    }
}
