//! `template`: files with static text and values of the environment.

use crate::expr::Scope;
use crate::gotemplate::{self, Delimiters, TemplateFault};
use crate::jobfile::block::Entry;
use crate::jobfile::model::{FileOwner, RenderedFile, TaskFilePlace};
use crate::jobfile::vocabulary;
use crate::source::error::{JobFileError, Problem};
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// Nomad's default mode.
const MODE: u32 = 0o644;

/// The files of a task's templates, and the variables of those with `env = true`.
pub(super) fn read(
    task: &Entry<'_>,
    scope: &Scope,
    env: &BTreeMap<String, String>,
) -> Result<(Vec<RenderedFile>, BTreeMap<String, String>), JobFileError> {
    let (mut files, mut variables) = (Vec::new(), BTreeMap::new());
    for block in task.blocks("template") {
        block.check(&vocabulary::TEMPLATE)?;
        let content = render(&block, scope, env)?;
        let destination: String = block.require(scope, "destination")?;
        let place = place_of(&destination).ok_or_else(|| {
            let accepted = "it is a path beneath local/, secrets/ or ${NOMAD_ALLOC_DIR}";
            block.refuse("destination", &destination, accepted)
        })?;
        if block.get(scope, "env")?.unwrap_or(false) {
            variables.extend(
                gotemplate::read_variables(&content).map_err(|line| {
                    block.refuse("data", line, "with `env = true` every line is NAME=value")
                })?,
            );
        }
        let mode = match block.get::<String>(scope, "perms")? {
            None => MODE,
            Some(text) => match u32::from_str_radix(&text, 8) {
                Ok(mode) if mode <= 0o7777 => mode,
                _ => return Err(block.refuse("perms", text, "it is an octal mode such as \"0644\"")),
            },
        };
        let owner = FileOwner { uid: owner(&block, scope, "uid")?, gid: owner(&block, scope, "gid")? };
        files.push(RenderedFile { place, content, mode, owner });
    }
    Ok((files, variables))
}

/// A negative number means the default.
fn owner(block: &Entry<'_>, scope: &Scope, name: &str) -> Result<Option<u32>, JobFileError> {
    match block.get::<i64>(scope, name)? {
        None | Some(i64::MIN..0) => Ok(None),
        Some(_) => block.get(scope, name),
    }
}

fn render(block: &Entry<'_>, scope: &Scope, env: &BTreeMap<String, String>) -> Result<String, JobFileError> {
    let data: String = block.require(scope, "data")?;
    let mut delimiters = Delimiters::default();
    if let Some(left) = block.get(scope, "left_delimiter")? {
        delimiters.left = left;
    }
    if let Some(right) = block.get(scope, "right_delimiter")? {
        delimiters.right = right;
    }
    let rendered = gotemplate::render(&data, &delimiters, env).map_err(|fault| {
        // The text is found again in the file, to show its own line.
        let source = block.reading.source;
        let span = block.span_of("data").map(|span| {
            let start = source.slice(span.clone()).find(fault.text()).unwrap_or(0);
            span.start + start..span.end
        });
        let problem = match &fault {
            TemplateFault::Unclosed(text) => Problem::Syntax(format!("the action `{text}` does not end")),
            TemplateFault::Unsupported(text) => Problem::Unsupported {
                name: text.clone(),
                reason: "templates have plain text and env \"NAME\" only".to_owned(),
            },
        };
        source.error(span, problem)
    })?;
    for name in rendered.missing {
        let text = format!("the template takes the variable `{name}`, which is not set, as empty");
        block.reading.warn(block.span_of("data"), text);
    }
    Ok(rendered.text)
}

/// Where a destination leads: paths of the task's own view and relative ones.
fn place_of(destination: &str) -> Option<TaskFilePlace> {
    let path: PathBuf = Path::new(destination)
        .components()
        .filter(|component| !matches!(component, Component::RootDir | Component::CurDir))
        .collect();
    if path.components().any(|component| !matches!(component, Component::Normal(_))) {
        return None;
    }
    if let (true, Ok(shared)) = (destination.starts_with('/'), path.strip_prefix("alloc")) {
        return (shared != Path::new("")).then(|| TaskFilePlace::Shared(shared.to_owned()));
    }
    let first = path.components().next()?;
    let inside = path.components().count() > 1;
    let known = ["local", "secrets", "tmp"].map(Path::new);
    (inside && known.iter().any(|known| known.as_os_str() == first.as_os_str()))
        .then_some(TaskFilePlace::Task(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_lead_into_the_tasks_directories() {
        let task = |path: &str| Some(TaskFilePlace::Task(path.into()));
        assert_eq!(place_of("local/a.conf"), task("local/a.conf"));
        assert_eq!(place_of("./secrets//a"), task("secrets/a"));
        assert_eq!(place_of("/local/a.conf"), task("local/a.conf"));
        assert_eq!(place_of("/alloc/data/a"), Some(TaskFilePlace::Shared("data/a".into())));
    }

    #[test]
    fn destinations_outside_are_refused() {
        for path in ["", "/", "local", "../x", "local/../../x", "/etc/passwd", "private/x", "/alloc"] {
            assert_eq!(place_of(path), None, "{path}");
        }
    }
}
