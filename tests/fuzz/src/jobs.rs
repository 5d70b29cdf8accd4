//! Job files and the templates in them.

use std::collections::BTreeMap;
use std::path::Path;

use job_runner::gotemplate::{Delimiters, read_variables, render};
use job_runner::jobfile::{Inputs, JobFileError, NodeFacts, PortSource, Source, read_job};
use nomad_host::ports::PortError;

use crate::target::{Target, files, workspace};

pub(crate) const JOB: Target = Target { name: "job", run: job, seeds: jobs, longest: 4096 };

pub(crate) const TEMPLATE: Target = Target {
    name: "template",
    run: template,
    seeds: || {
        let text = "a {{ env \"PORT\" -}} b {{/* c */}}{{ `}}` }}{{- \"\\u0041\" }}\n";
        let variables = "# c\nA=1\nexport B='x y'\nC=\"a\\nb\"\nD=x # c\n\nE=\n";
        [text, variables, "[[ \"y\" ]]"].map(|text| text.as_bytes().to_vec()).to_vec()
    },
    longest: 1024,
};

/// The examples, and every way to open one level more.
fn jobs() -> Vec<Vec<u8>> {
    let examples = files(&workspace().join("examples"));
    let is_job = |path: &Path| path.extension().is_some_and(|end| end == "hcl");
    let examples = examples.into_iter().filter(|(path, _)| is_job(path)).map(|(_, text)| text);
    let openings = ["[", "{a=", "(", "!", "-", "\"${", "f(", "a[", "[for x in ", "%{if true}", "true?"];
    let nested = openings.map(|opening| format!("a = {}", opening.repeat(3000 / opening.len())).into_bytes());
    let blocks = "a {\n".repeat(1000).into_bytes();
    examples.chain(nested).chain([blocks]).collect()
}

/// Every port is free.
struct Ports(u16);

impl PortSource for Ports {
    fn fixed(&mut self, port: u16) -> Result<u16, PortError> {
        Ok(port)
    }

    fn dynamic(&mut self) -> Result<u16, PortError> {
        self.0 = self.0.wrapping_add(1);
        Ok(self.0)
    }
}

/// A fault is placed on a line of the file that is there.
fn job(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let inputs = Inputs {
        group: None,
        variables: Vec::new(),
        driver: "containerd-driver".into(),
        alloc_id: "5f5a7d0c-0000-4000-8000-000000000000".into(),
        node: NodeFacts {
            id: "node-id".into(),
            name: "host".into(),
            attributes: BTreeMap::from([("kernel.name".to_owned(), "linux".to_owned())]),
        },
    };
    let read = Source::parse(Path::new("/nowhere/job.hcl"), text.to_owned())
        .and_then(|source| read_job(&source, &inputs, &mut Ports(20_000)));
    match read {
        Ok(job) => {
            assert!(!job.group.tasks.is_empty());
            true
        }
        Err(JobFileError::At { place, .. }) => {
            assert!((1..=text.matches('\n').count() + 1).contains(&place.line), "line {}", place.line);
            false
        }
        Err(_) => false,
    }
}

/// What has no action in it stays as it is, and what is filled in is no longer than the texts that it is made from.
fn template(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let env = BTreeMap::from([("PORT".to_owned(), "80".to_owned())]);
    let braces = render(text, &Delimiters::default(), &env);
    if let Ok(rendered) = &braces {
        assert!(rendered.text.len() <= text.len());
        assert!(text.contains("{{") || rendered.text == text);
    }
    let brackets = render(text, &Delimiters { left: "[[".into(), right: "]]".into() }, &env);
    let variables = read_variables(text);
    if let Ok(variables) = &variables {
        assert!(variables.keys().all(|name| !name.is_empty()));
    }
    braces.is_ok() && brackets.is_ok()
}
