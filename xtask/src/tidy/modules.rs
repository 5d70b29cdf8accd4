//! The modules of a crate and which of them imports from which, read from the code.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use syn::visit::{self, Visit};

use super::sources::Source;

/// A module by the names that lead to it from the crate's root.
pub(crate) type Path = Vec<String>;

/// The modules of one crate.
#[derive(Default)]
pub(crate) struct Modules {
    /// The file of each.
    files: BTreeMap<Path, String>,
    /// Names that a module gives on, and what they stand for.
    given_on: BTreeMap<(Path, String), Path>,
    /// What each module names.
    named: BTreeMap<Path, BTreeSet<Path>>,
}

impl Modules {
    /// Reads the files beneath `src`, such as `crates/driver-core/src/`. Modules that only tests have are left out.
    ///
    /// # Errors
    /// A file is no Rust.
    pub(crate) fn read(src: &str, sources: &[Source]) -> Result<Self> {
        let mut modules = Self::default();
        let mut parsed = Vec::new();
        for source in sources {
            let Some(path) = source.path.strip_prefix(src).and_then(module_of) else { continue };
            let file =
                syn::parse_file(&source.text).with_context(|| format!("cannot read {}", source.path))?;
            modules.files.insert(path.clone(), source.path.clone());
            parsed.push((path, file));
        }
        let of_tests: Vec<Path> = parsed.iter().flat_map(|(path, file)| test_modules(path, file)).collect();
        let is_of_tests = |path: &Path| of_tests.iter().any(|test| path.starts_with(test));
        modules.files.retain(|path, _| !is_of_tests(path));
        for (path, file) in parsed.iter().filter(|(path, _)| !is_of_tests(path)) {
            let mut reader = Reader { modules: &mut modules, file: path, here: path.clone() };
            reader.visit_file(file);
        }
        Ok(modules)
    }

    /// The imports between files: from the module of each to those that it takes something from. A module and what it is
    /// a part of are one: what it takes from there is no import.
    pub(crate) fn imports(&self) -> BTreeMap<Path, BTreeSet<Path>> {
        let of = |(from, named): (&Path, &BTreeSet<Path>)| {
            let mut into: BTreeSet<Path> = named.iter().map(|name| self.home(name)).collect();
            into.retain(|into| !from.starts_with(into));
            (from.clone(), into)
        };
        self.named.iter().map(of).collect()
    }

    /// The file of a module, from the workspace's root.
    pub(crate) fn file(&self, module: &Path) -> &str {
        self.files.get(module).map_or("", String::as_str)
    }

    /// The module that something is from: the deepest on its path, or the one that it is given on from.
    fn home(&self, name: &Path) -> Path {
        let mut name = name.clone();
        // A name that is given on and on is followed a few times.
        for _ in 0..4 {
            let deepest = (0..=name.len()).rev().find(|end| self.files.contains_key(&name[..*end]));
            let (module, rest) = name.split_at(deepest.unwrap_or_default());
            let given = rest.first().and_then(|first| self.given_on.get(&(module.to_vec(), first.clone())));
            match given {
                Some(target) => name = target.iter().chain(&rest[1..]).cloned().collect(),
                None => return module.to_vec(),
            }
        }
        name
    }
}

/// `a/b.rs` and `a/b/mod.rs` are the module `a::b`.
fn module_of(file: &str) -> Option<Path> {
    let mut path: Path = file.strip_suffix(".rs")?.split('/').map(str::to_owned).collect();
    if path.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
        path.pop();
    }
    Some(path)
}

fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string().contains("test"),
        _ => false,
    })
}

/// The modules in other files that a file has only for tests.
fn test_modules(path: &Path, file: &syn::File) -> Vec<Path> {
    let of = |item: &syn::Item| match item {
        syn::Item::Mod(module) if is_for_tests(&module.attrs) => Some(joined(path, module.ident.to_string())),
        _ => None,
    };
    file.items.iter().filter_map(of).collect()
}

fn joined(path: &[String], name: String) -> Path {
    path.iter().cloned().chain([name]).collect()
}

/// Goes through one file.
struct Reader<'m> {
    modules: &'m mut Modules,
    file: &'m Path,
    /// The module within the file.
    here: Path,
}

impl Reader<'_> {
    /// A path as it is written here, from the crate's root; none where it leads out of the crate.
    fn absolute(&self, written: &[String]) -> Option<Path> {
        let mut base = match written.first()?.as_str() {
            "crate" => Path::new(),
            "self" => self.here.clone(),
            "super" => self.here.clone(),
            first => {
                let child = joined(&self.here, first.to_owned());
                return self
                    .modules
                    .files
                    .contains_key(&child)
                    .then(|| self.here.iter().chain(written).cloned().collect());
            }
        };
        let mut rest = written;
        while let Some((first, after)) = rest.split_first() {
            match first.as_str() {
                "crate" | "self" => {}
                "super" => drop(base.pop()),
                _ => break,
            }
            rest = after;
        }
        Some(base.into_iter().chain(rest.iter().cloned()).collect())
    }

    fn name(&mut self, written: &[String]) {
        if let Some(path) = self.absolute(written) {
            self.modules.named.entry(self.file.clone()).or_default().insert(path);
        }
    }

    /// Every name of a `use`, as it is written, with the name that it has afterwards.
    fn used(tree: &syn::UseTree, before: &[String], into: &mut Vec<(Path, String)>) {
        match tree {
            syn::UseTree::Path(path) => {
                Self::used(&path.tree, &joined(before, path.ident.to_string()), into);
            }
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|item| Self::used(item, before, into));
            }
            syn::UseTree::Name(name) if name.ident == "self" => {
                into.push((before.to_vec(), before.last().cloned().unwrap_or_default()));
            }
            syn::UseTree::Name(name) => {
                into.push((joined(before, name.ident.to_string()), name.ident.to_string()));
            }
            syn::UseTree::Rename(name) => {
                into.push((joined(before, name.ident.to_string()), name.rename.to_string()));
            }
            syn::UseTree::Glob(_) => into.push((before.to_vec(), String::new())),
        }
    }
}

impl<'a> Visit<'a> for Reader<'_> {
    fn visit_item(&mut self, item: &'a syn::Item) {
        let attributes = match item {
            syn::Item::Fn(item) => &item.attrs,
            syn::Item::Impl(item) => &item.attrs,
            syn::Item::Mod(item) => &item.attrs,
            syn::Item::Struct(item) => &item.attrs,
            syn::Item::Use(item) => &item.attrs,
            _ => return visit::visit_item(self, item),
        };
        if !is_for_tests(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'a syn::ItemMod) {
        self.here.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.here.pop();
    }

    fn visit_item_use(&mut self, item: &'a syn::ItemUse) {
        let mut names = Vec::new();
        Self::used(&item.tree, &[], &mut names);
        let is_private = matches!(item.vis, syn::Visibility::Inherited);
        for (written, name) in names {
            match self.absolute(&written) {
                Some(target) if !is_private => {
                    self.modules.given_on.insert((self.here.clone(), name), target);
                }
                _ => self.name(&written),
            }
        }
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        let written: Path = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if written.len() > 1 {
            self.name(&written);
        }
        visit::visit_path(self, path);
    }
}
