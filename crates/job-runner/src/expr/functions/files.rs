//! Functions on files and paths; the first argument of those that read is the job file's directory.

use super::arguments::Arguments;
use super::{Outcome, Value};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::path::{Path, PathBuf};

fn path(arguments: &Arguments) -> Result<PathBuf, String> {
    Ok(Path::new(&arguments.text(0)?).join(arguments.text(1)?))
}

fn read(arguments: &Arguments) -> Result<Vec<u8>, String> {
    let path = path(arguments)?;
    std::fs::read(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

pub(super) fn file(arguments: &Arguments) -> Outcome {
    let text = String::from_utf8(read(arguments)?);
    text.map(Value::from).map_err(|_| "the file is not text; use filebase64".to_owned())
}

pub(super) fn filebase64(arguments: &Arguments) -> Outcome {
    Ok(STANDARD.encode(read(arguments)?).into())
}

pub(super) fn fileexists(arguments: &Arguments) -> Outcome {
    Ok(Value::from(path(arguments)?.is_file()))
}

pub(super) fn abspath(arguments: &Arguments) -> Outcome {
    let path = std::path::absolute(path(arguments)?).map_err(|error| error.to_string())?;
    Ok(path.display().to_string().into())
}

pub(super) fn basename(arguments: &Arguments) -> Outcome {
    let text = arguments.text(0)?;
    Ok(Path::new(&text).file_name().map_or("", |name| name.to_str().unwrap_or("")).into())
}

pub(super) fn dirname(arguments: &Arguments) -> Outcome {
    let text = arguments.text(0)?;
    let parent = Path::new(&text).parent().map_or("", |parent| parent.to_str().unwrap_or(""));
    Ok(if parent.is_empty() { "." } else { parent }.into())
}

#[cfg(test)]
mod tests {
    use crate::expr::Scope;
    use crate::expr::functions::tests::value;
    use crate::source::Source;
    use std::path::Path;

    #[test]
    fn a_relative_path_starts_in_the_directory_of_the_job_file() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("a \"b\".txt"), "port ${x}\n").unwrap();
        let text = "a = \"<${file(\"a \\\"b\\\".txt\")}>\"\nb = fileexists(\"none\")\n";
        let source = Source::parse(Path::new("job.hcl"), text.to_owned()).unwrap();
        let scope = Scope::new(directory.path());
        let values: Vec<_> = source
            .body()
            .attributes()
            .map(|attribute| scope.evaluate(&source, &attribute.value).unwrap())
            .collect();
        assert_eq!(values, [hcl::Value::from("<port ${x}\n>"), hcl::Value::from(false)]);
    }

    #[test]
    fn a_missing_file_is_named_in_the_error() {
        assert!(value("file(\"no/such\")").starts_with("job.hcl:1: file(): cannot read ./no/such"));
    }

    #[test]
    fn paths_are_taken_apart() {
        assert_eq!(value("basename(\"/a/b.txt\")"), "\"b.txt\"");
        assert_eq!(value("dirname(\"/a/b.txt\")"), "\"/a\"");
        assert_eq!(value("dirname(\"b.txt\")"), "\".\"");
    }
}
