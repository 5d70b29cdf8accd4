//! `variable`, `variables` and `locals`: names that the rest of the file refers to.

use crate::expr::{Scope, suggestion};
use crate::jobfile::block::{Entry, Reading};
use crate::jobfile::coerce::{from_cty, shown, to_cty};
use crate::jobfile::inputs::VariableInput;
use crate::jobfile::vocabulary;
use crate::source::Source;
use crate::source::error::{JobFileError, Problem};
use hcl::edit::Span;
use hcl::edit::structure::Attribute;
use hcl::{Map, Value};
use nomad_proto::hclspec::{Type, convert};
use std::collections::BTreeMap;
use std::path::Path;

/// A declared variable.
struct Declared<'a> {
    entry: Entry<'a>,
    kind: Type,
    value: Option<Value>,
}

/// Binds `var` and `local`.
pub(super) fn read(
    file: &Entry<'_>,
    scope: &mut Scope,
    inputs: &[VariableInput],
) -> Result<(), JobFileError> {
    let mut declared = declare(file, scope)?;
    for input in inputs {
        match input {
            VariableInput::Environment { name, value } => {
                // Other jobs' variables may be set in the same environment.
                if let Some(variable) = declared.get_mut(name) {
                    variable.value = Some(from_text(variable, &format!("NOMAD_VAR_{name}"), value)?);
                }
            }
            VariableInput::Argument { name, value } => {
                let origin = format!("--var {name}");
                let known = declared.contains_key(name);
                let undefined = || {
                    let problem = Box::new(undeclared(name, &declared));
                    JobFileError::Input { origin: origin.clone(), problem }
                };
                if !known {
                    return Err(undefined());
                }
                if let Some(variable) = declared.get_mut(name) {
                    variable.value = Some(from_text(variable, &origin, value)?);
                }
            }
            VariableInput::File(path) => read_file(path, &mut declared)?,
        }
    }
    let mut values = Map::new();
    for (name, variable) in &declared {
        let value = variable.value.clone().ok_or_else(|| {
            let hint = format!("; give it with --var {name}=…");
            let name = format!("var.{name}");
            variable.entry.error(Problem::Undefined { what: "value of", name, hint })
        })?;
        values.insert(name.clone(), value);
    }
    scope.bind("var", Value::Object(values));
    declared.values().try_for_each(|variable| validate(&variable.entry, scope))?;
    read_locals(file, scope)
}

fn undeclared(name: &str, declared: &BTreeMap<String, Declared<'_>>) -> Problem {
    let hint = suggestion(name, declared.keys().map(String::as_str));
    Problem::Undefined { what: "variable", name: name.to_owned(), hint }
}

fn declare<'a>(file: &Entry<'a>, scope: &Scope) -> Result<BTreeMap<String, Declared<'a>>, JobFileError> {
    let mut declared = BTreeMap::new();
    let repeated = |entry: &Entry<'_>, name: &str| {
        entry.error(Problem::Repeated { name: format!("variable \"{name}\""), within: file.title.clone() })
    };
    for entry in file.blocks("variable") {
        entry.check(&vocabulary::VARIABLE)?;
        entry.require_label()?;
        let name = entry.label.clone();
        let kind = match entry.attributes().find(|attribute| attribute.key.as_str() == "type") {
            Some(attribute) => kind_of(&entry, attribute)?,
            None => Type::Any,
        };
        let default = entry.value(scope, "default")?;
        let value = default.map(|value| {
            fit(value, &kind).map_err(|problem| {
                entry.reading.source.error(entry.span_of("default"), named(problem, "default"))
            })
        });
        let variable = Declared { entry: entry.clone(), kind, value: value.transpose()? };
        if declared.insert(name.clone(), variable).is_some() {
            return Err(repeated(&entry, &name));
        }
    }
    for entry in file.blocks("variables") {
        for attribute in entry.attributes() {
            let name = attribute.key.as_str().to_owned();
            let value = scope.evaluate(entry.reading.source, &attribute.value)?;
            let variable = Declared { entry: entry.clone(), kind: Type::Any, value: Some(value) };
            if declared.insert(name.clone(), variable).is_some() {
                return Err(repeated(&entry, &name));
            }
        }
    }
    Ok(declared)
}

fn kind_of(entry: &Entry<'_>, attribute: &Attribute) -> Result<Type, JobFileError> {
    let source = entry.reading.source;
    let text = attribute.value.span().map_or("", |span| source.slice(span)).trim();
    // Files from before HCL 2 quote the type.
    text.trim_matches('"').parse().map_err(|_| {
        entry.refuse(
            "type",
            text,
            "it is string, number, bool, any, list(…), set(…), map(…), object({…}) or tuple([…])",
        )
    })
}

fn fit(value: Value, kind: &Type) -> Result<Value, Problem> {
    let found = shown(&value);
    match convert(&to_cty(value), kind) {
        Ok(value) => Ok(from_cty(value)),
        Err(mismatch) => Err(Problem::Value {
            name: String::new(),
            value: found,
            accepted: format!("the variable's type is {kind}, and {} is expected", mismatch.expected),
        }),
    }
}

fn named(problem: Problem, name: &str) -> Problem {
    match problem {
        Problem::Value { value, accepted, .. } => Problem::Value { name: name.to_owned(), value, accepted },
        other => other,
    }
}

/// A string is taken as it is; for every other type the text is an expression.
fn from_text(variable: &Declared<'_>, origin: &str, text: &str) -> Result<Value, JobFileError> {
    let name = &variable.entry.label;
    let failed = |problem| JobFileError::Input { origin: origin.to_owned(), problem: Box::new(problem) };
    if matches!(variable.kind, Type::String | Type::Any) {
        return Ok(Value::from(text));
    }
    let wrapped = Source::parse(Path::new(origin), format!("{name} = {text}\n"))
        .map_err(|_| failed(wrong_type(name, &variable.kind)))?;
    let attribute = wrapped.body().attributes().next();
    let attribute = attribute.ok_or_else(|| failed(wrong_type(name, &variable.kind)))?;
    let value = Scope::new(Path::new("."))
        .evaluate(&wrapped, &attribute.value)
        .map_err(|_| failed(wrong_type(name, &variable.kind)))?;
    fit(value, &variable.kind).map_err(|_| failed(wrong_type(name, &variable.kind)))
}

/// Without the value, which may be a secret.
fn wrong_type(name: &str, kind: &Type) -> Problem {
    Problem::Value {
        name: name.to_owned(),
        value: "the given text".to_owned(),
        accepted: format!("the variable's type is {kind}"),
    }
}

fn read_file(path: &Path, declared: &mut BTreeMap<String, Declared<'_>>) -> Result<(), JobFileError> {
    let source = Source::read(path)?;
    let reading = Reading::new(&source);
    let scope = Scope::new(source.directory());
    for attribute in Entry::file(&reading).attributes() {
        let name = attribute.key.as_str();
        let value = scope.evaluate(&source, &attribute.value)?;
        let problem = match declared.get_mut(name) {
            None => undeclared(name, declared),
            Some(variable) => match fit(value, &variable.kind) {
                Ok(value) => {
                    variable.value = Some(value);
                    continue;
                }
                Err(problem) => named(problem, name),
            },
        };
        return Err(source.error(attribute.span(), problem));
    }
    Ok(())
}

fn validate(entry: &Entry<'_>, scope: &Scope) -> Result<(), JobFileError> {
    for rule in entry.blocks("validation") {
        rule.check(&vocabulary::VALIDATION)?;
        if !rule.require::<bool>(scope, "condition")? {
            let message: String = rule.require(scope, "error_message")?;
            return Err(rule.error(Problem::Value {
                name: format!("var.{}", entry.label),
                value: "this".to_owned(),
                accepted: message,
            }));
        }
    }
    Ok(())
}

/// Locals may refer to each other in any order, so they are evaluated in rounds until none is left
/// or a round brings nothing.
fn read_locals(file: &Entry<'_>, scope: &mut Scope) -> Result<(), JobFileError> {
    let blocks = file.blocks("locals");
    let mut waiting: Vec<&Attribute> = blocks.iter().flat_map(Entry::attributes).collect();
    let mut values = Map::new();
    scope.bind("local", Value::Object(values.clone()));
    while !waiting.is_empty() {
        let mut later = Vec::new();
        let mut fault = None;
        let before = waiting.len();
        for attribute in waiting {
            let name = attribute.key.as_str();
            if values.contains_key(name) {
                let problem = Problem::Repeated { name: name.to_owned(), within: "`locals`".to_owned() };
                return Err(file.reading.source.error(attribute.span(), problem));
            }
            match scope.evaluate(file.reading.source, &attribute.value) {
                Ok(value) => {
                    values.insert(name.to_owned(), value);
                    scope.bind("local", Value::Object(values.clone()));
                }
                Err(error) => {
                    fault.get_or_insert(error);
                    later.push(attribute);
                }
            }
        }
        match fault {
            Some(error) if later.len() == before => return Err(error),
            _ => waiting = later,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(text: &str, inputs: &[VariableInput], expected: &Expect) {
        let source = Source::parse(Path::new("job.hcl"), text.to_owned()).unwrap();
        let reading = Reading::new(&source);
        let mut scope = Scope::new(Path::new("."));
        match read(&Entry::file(&reading), &mut scope, inputs) {
            Ok(()) => {
                let values =
                    ["var", "local"].map(|name| serde_json::to_string(scope.get(name).unwrap()).unwrap());
                expected.assert_eq(&values.join(" "));
            }
            Err(error) => expected.assert_eq(&error.to_string()),
        }
    }

    fn argument(text: &str) -> VariableInput {
        VariableInput::from_argument(text).unwrap()
    }

    #[test]
    fn defaults_are_overridden_by_environment_file_and_argument_in_this_order() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "b = \"file\"\nc = \"file\"\n").unwrap();
        let environment = ["a", "b", "c"].map(|name| (format!("NOMAD_VAR_{name}"), "env".to_owned()));
        let mut inputs = VariableInput::from_environment(environment);
        inputs.extend([VariableInput::File(file.path().to_owned()), argument("c=argument")]);
        let text =
            "variable \"a\" { default = \"x\" }\nvariable \"b\" { default = \"x\" }\nvariable \"c\" {}\n";
        check(text, &inputs, &expect![[r#"{"a":"env","b":"file","c":"argument"} {}"#]]);
    }

    #[test]
    fn a_value_takes_the_type_of_its_variable() {
        let text =
            "variable \"n\" { type = number }\nvariable \"l\" {\n  type = list(string)\n  default = [1]\n}\n";
        check(text, &[argument("n=5")], &expect![[r#"{"l":["1"],"n":5} {}"#]]);
        check(
            text,
            &[argument("n=many")],
            &expect!["--var n: `n` cannot be `the given text`: the variable's type is number"],
        );
    }

    #[test]
    fn a_variable_without_a_value_is_an_error_at_its_block() {
        check(
            "# first\nvariable \"image\" {}\n",
            &[],
            &expect![[r#"
                job.hcl:2: undefined value of `var.image`; give it with --var image=…
                  2 | variable "image" {}"#]],
        );
    }

    #[test]
    fn a_value_for_an_undeclared_variable_is_an_error() {
        check(
            "variable \"image\" { default = 1 }\n",
            &[argument("imaeg=x")],
            &expect!["--var imaeg: undefined variable `imaeg`; did you mean `image`?"],
        );
    }

    #[test]
    fn locals_refer_to_variables_and_to_each_other_in_any_order() {
        let text =
            "locals {\n  b = \"${local.a}!\"\n  a = upper(var.x)\n}\nvariable \"x\" { default = \"x\" }\n";
        check(text, &[], &expect![[r#"{"x":"x"} {"a":"X","b":"X!"}"#]]);
    }

    #[test]
    fn locals_in_a_circle_are_an_error() {
        check(
            "locals {\n  a = local.b\n  b = local.a\n}\n",
            &[],
            &expect![[r#"
                job.hcl:2: undefined variable `local.b`
                  2 |   a = local.b"#]],
        );
    }

    #[test]
    fn a_rule_that_a_value_breaks_gives_its_own_message() {
        let text = "variable \"n\" {\n  default = 0\n  validation {\n    condition = var.n > 0\n    error_message = \"n is positive\"\n  }\n}\n";
        check(
            text,
            &[],
            &expect![[r#"
                job.hcl:3: `var.n` cannot be `this`: n is positive
                  3 |   validation {"#]],
        );
    }

    #[test]
    fn a_default_of_another_type_is_an_error_on_its_line() {
        check(
            "variable \"n\" {\n  type = number\n  default = \"x\"\n}\n",
            &[],
            &expect![[r#"
                job.hcl:3: `default` cannot be `"x"`: the variable's type is number, and number is expected
                  3 |   default = "x""#]],
        );
    }
}
