//! The package manager: the host's own configuration, or a private one for another suite.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::suites;
use crate::screen::Step;
use crate::{files, place, process};

/// Where packages come from.
pub(crate) enum Source {
    /// The host's own package sources.
    Host,
    /// Another suite of the host's distribution, from the same mirror, with lists of its own.
    Suite(&'static str),
}

impl Source {
    /// A name for directories and people.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Suite(suite) => suite,
        }
    }

    /// Reads the package lists when there are none.
    ///
    /// # Errors
    /// The lists can not be read.
    pub(crate) fn refresh_if_empty(&self) -> Result<()> {
        let lists = match self {
            Self::Host => PathBuf::from("/var/lib/apt/lists"),
            Self::Suite(suite) => private_dir(suite)?.join("lists"),
        };
        let listed = files::entries(&lists)?.iter().any(|file| files::name(file).contains("_Packages"));
        if listed { Ok(()) } else { self.refresh() }
    }

    /// Reads the package lists anew; the host's own only as root.
    ///
    /// # Errors
    /// The lists can not be read.
    pub(crate) fn refresh(&self) -> Result<()> {
        if let Self::Suite(suite) = self {
            Self::Host.refresh_if_empty()?;
            let sources = Self::sources_of(suite)?;
            files::write_whole(&private_dir(suite)?.join("sources.list"), sources.as_bytes())?;
        } else if !rustix::process::geteuid().is_root() {
            bail!("the package lists are missing or old, so run as root: apt-get update");
        }
        let step = Step::begin(format!("reading the package lists ({})", self.name()));
        process::output(self.command("apt-get")?.arg("update"))?;
        step.done("");
        Ok(())
    }

    /// The text of a `sources.list` that names `suite` on the mirror of the host.
    pub(super) fn sources_of(suite: &str) -> Result<String> {
        let mut listing = Self::Host.command("apt-get")?;
        suites::sources_of(suite, &process::text(listing.args(["indextargets", "--format", suites::FIELDS]))?)
    }

    /// Downloads packages into `dir` and gives their files in the order of the names.
    ///
    /// # Errors
    /// A package is unknown or can not be downloaded.
    pub(crate) fn download(&self, names: &[String], dir: &Path, step: &Step) -> Result<Vec<PathBuf>> {
        for name in names {
            for old in with_prefix(dir, name)? {
                std::fs::remove_file(&old).with_context(|| format!("can not remove {}", old.display()))?;
            }
        }
        step.note(&names.join(" "));
        process::output(self.command("apt-get")?.arg("download").args(names).current_dir(dir))?;
        let mut found = Vec::new();
        for name in names {
            found.extend(with_prefix(dir, name)?);
        }
        if found.len() != names.len() {
            bail!("{} packages were asked for, {} came", names.len(), found.len());
        }
        Ok(found)
    }

    /// A command of the package manager that reads this source.
    ///
    /// # Errors
    /// The private directories can not be made.
    pub(crate) fn command(&self, program: &str) -> Result<Command> {
        let mut command = Command::new(program);
        command.env("DEBIAN_FRONTEND", "noninteractive").env("LC_ALL", "C.UTF-8");
        // In seconds: the host's own updates hold the lock for a while. And a mirror may drop a connection.
        command.args(["-o", "DPkg::Lock::Timeout=120", "-o", "Acquire::Retries=3"]);
        if rustix::process::geteuid().is_root() {
            // The cache need not be readable for the user that downloads by default.
            command.args(["-o", "APT::Sandbox::User=root"]);
        }
        if let Self::Suite(suite) = self {
            let dir = private_dir(suite)?;
            let own = |key: &str, name: &str| format!("{key}={}", dir.join(name).display());
            for option in [
                own("Dir::State::lists", "lists"),
                own("Dir::Cache", "cache"),
                own("Dir::Etc::sourcelist", "sources.list"),
                "Dir::Etc::sourceparts=-".to_owned(),
                "Dir::Etc::preferences=/dev/null".to_owned(),
                "Dir::Etc::preferencesparts=/dev/null".to_owned(),
                // What is installed would win over an older version of the suite.
                own("Dir::State::status", "status"),
                "Acquire::Languages=none".to_owned(),
                "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false".to_owned(),
                // The hooks that a host hangs on its own updates have no business here.
                "APT::Update::Post-Invoke=".to_owned(),
                "APT::Update::Post-Invoke-Success=".to_owned(),
            ] {
                command.arg("-o").arg(option);
            }
        }
        Ok(command)
    }
}

fn private_dir(suite: &str) -> Result<PathBuf> {
    let dir = place::cache("apt")?.join(suite);
    for part in ["lists/partial", "cache/archives/partial"] {
        let part = dir.join(part);
        std::fs::create_dir_all(&part).with_context(|| format!("can not make {}", part.display()))?;
    }
    std::fs::write(dir.join("status"), "").context("can not write a list of no packages")?;
    Ok(dir)
}

fn with_prefix(dir: &Path, package: &str) -> Result<Vec<PathBuf>> {
    let mut found = files::entries(dir)?;
    found.retain(|file| {
        files::name(file)
            .strip_prefix(package)
            .is_some_and(|rest| rest.starts_with('_') && rest.ends_with(".deb"))
    });
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_not_mistaken_for_one_whose_name_begins_alike() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["redis_7_amd64.deb", "redis-server_7_amd64.deb", "redis_7.half"] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        assert_eq!(with_prefix(dir.path(), "redis").unwrap(), [dir.path().join("redis_7_amd64.deb")]);
    }
}
