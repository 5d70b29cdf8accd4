//! The part of consul-template's language that needs no server: text, comments, `env` and literals.

use std::collections::BTreeMap;

/// What surrounds an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delimiters {
    /// `{{` unless the template says otherwise.
    pub left: String,
    /// `}}` unless the template says otherwise.
    pub right: String,
}

impl Default for Delimiters {
    fn default() -> Self {
        Self { left: "{{".into(), right: "}}".into() }
    }
}

/// A template that cannot be rendered here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateFault {
    /// An action without an end.
    Unclosed(String),
    /// An action of another kind, as it was written.
    Unsupported(String),
}

impl TemplateFault {
    /// The action's text.
    pub fn text(&self) -> &str {
        match self {
            Self::Unclosed(text) | Self::Unsupported(text) => text,
        }
    }
}

/// A finished text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rendered {
    /// The text.
    pub text: String,
    /// Variables that were asked for and are not set; they are empty in the text.
    pub missing: Vec<String>,
}

/// Fills in a template.
///
/// # Errors
/// The first action that is not supported.
pub fn render(
    template: &str,
    delimiters: &Delimiters,
    env: &BTreeMap<String, String>,
) -> Result<Rendered, TemplateFault> {
    let mut rendered = Rendered::default();
    let mut rest = template;
    while let Some(start) = rest.find(delimiters.left.as_str()) {
        let (text, action) = rest.split_at(start);
        let inner = &action[delimiters.left.len()..];
        let Some(length) = end_of(inner, &delimiters.right) else {
            let line = action.lines().next().unwrap_or("");
            return Err(TemplateFault::Unclosed(line.to_owned()));
        };
        let whole = &action[..delimiters.left.len() + length + delimiters.right.len()];
        let after = &action[whole.len()..];
        let (inner, trim_before, trim_after) = trimmed(&inner[..length]);
        rendered.text.push_str(if trim_before { text.trim_end() } else { text });
        match evaluate(inner.trim(), env) {
            Some(Piece::Text(value)) => rendered.text.push_str(&value),
            Some(Piece::Missing(name)) => rendered.missing.push(name),
            None => return Err(TemplateFault::Unsupported(whole.to_owned())),
        }
        rest = if trim_after { after.trim_start() } else { after };
    }
    rendered.text.push_str(rest);
    Ok(rendered)
}

/// Where the closing delimiter is; one inside a quoted text does not count.
fn end_of(inner: &str, right: &str) -> Option<usize> {
    let mut quote = None;
    let mut escaped = false;
    for (position, letter) in inner.char_indices() {
        match quote {
            None if inner[position..].starts_with(right) => return Some(position),
            None if matches!(letter, '"' | '`') => quote = Some(letter),
            Some('"') if escaped => escaped = false,
            Some('"') if letter == '\\' => escaped = true,
            Some(open) if open == letter => quote = None,
            _ => {}
        }
    }
    None
}

/// `- ` at the start and ` -` at the end take the white space around the action away.
fn trimmed(inner: &str) -> (&str, bool, bool) {
    let white = |letter: Option<char>| letter.is_none_or(char::is_whitespace);
    let (inner, before) = match inner.strip_prefix('-') {
        Some(rest) if white(rest.chars().next()) => (rest, true),
        _ => (inner, false),
    };
    match inner.strip_suffix('-') {
        Some(rest) if white(rest.chars().next_back()) => (rest, before, true),
        _ => (inner, before, false),
    }
}

enum Piece {
    Text(String),
    Missing(String),
}

fn evaluate(action: &str, env: &BTreeMap<String, String>) -> Option<Piece> {
    if action.starts_with("/*") && action.ends_with("*/") {
        return Some(Piece::Text(String::new()));
    }
    if let Some(argument) = action.strip_prefix("env").filter(|rest| rest.starts_with([' ', '\t'])) {
        let name = literal(argument.trim())?;
        return Some(match env.get(&name) {
            Some(value) => Piece::Text(value.clone()),
            None => Piece::Missing(name),
        });
    }
    literal(action).map(Piece::Text)
}

/// A quoted text of Go's: `"…"` with escapes or a raw one in backquotes.
fn literal(text: &str) -> Option<String> {
    if let Some(raw) = text.strip_prefix('`').and_then(|text| text.strip_suffix('`')) {
        return (!raw.contains('`')).then(|| raw.to_owned());
    }
    // Go's escapes that templates use are JSON's.
    text.starts_with('"').then(|| serde_json::from_str(text).ok()).flatten()
}

/// Reads lines of `NAME=value`, with comments, empty lines and quoted values.
///
/// # Errors
/// The first line that is none of these.
pub fn read_variables(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut variables = BTreeMap::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = variable(line).ok_or_else(|| line.to_owned())?;
        variables.insert(name, value);
    }
    Ok(variables)
}

fn variable(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once('=')?;
    let name = name.trim().strip_prefix("export ").unwrap_or(name.trim()).trim();
    if name.is_empty() || !name.chars().all(|letter| letter.is_ascii_alphanumeric() || "_.-".contains(letter))
    {
        return None;
    }
    let value = value.trim();
    let value = match value.chars().next() {
        Some('\'') => value.strip_prefix('\'')?.strip_suffix('\'')?.to_owned(),
        Some('"') => serde_json::from_str(value).ok()?,
        _ => value.split(" #").next().unwrap_or("").trim_end().to_owned(),
    };
    Some((name.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rendered(template: &str) -> Result<Rendered, TemplateFault> {
        let env = BTreeMap::from([("PORT".to_owned(), "80".to_owned())]);
        render(template, &Delimiters::default(), &env)
    }

    fn text(template: &str) -> String {
        rendered(template).unwrap().text
    }

    #[test]
    fn text_without_actions_is_kept_as_it_is() {
        assert_eq!(text("a { b } ${c}\n"), "a { b } ${c}\n");
    }

    #[test]
    fn variables_literals_and_comments_are_filled_in() {
        assert_eq!(text(r#"p={{ env "PORT" }};{{ "{{" }}{{/* no */}}{{ `}}` }}"#), "p=80;{{}}");
    }

    #[test]
    fn white_space_is_trimmed_where_the_action_says_so() {
        assert_eq!(text("a \n {{- env \"PORT\" -}} \n b"), "a80b");
        assert_eq!(text("a {{ env \"PORT\" -}} b"), "a 80b");
    }

    #[test]
    fn a_variable_that_is_not_set_is_empty_and_named() {
        let rendered = rendered("x{{ env \"NONE\" }}y").unwrap();
        assert_eq!((rendered.text.as_str(), rendered.missing), ("xy", vec!["NONE".to_owned()]));
    }

    #[test]
    fn other_functions_are_refused_as_they_were_written() {
        for action in
            ["{{ key \"a/b\" }}", "{{range service \"x\"}}", "{{ env \"PORT\" | toUpper }}", "{{ env }}"]
        {
            assert_eq!(rendered(action), Err(TemplateFault::Unsupported(action.to_owned())), "{action}");
        }
        assert_eq!(rendered("a\n{{ env\nb"), Err(TemplateFault::Unclosed("{{ env".to_owned())));
    }

    #[test]
    fn other_delimiters_leave_braces_alone() {
        let delimiters = Delimiters { left: "[[".into(), right: "]]".into() };
        let rendered = render("{{ x }} [[ \"y\" ]]", &delimiters, &BTreeMap::new()).unwrap();
        assert_eq!(rendered.text, "{{ x }} y");
    }

    #[test]
    fn lines_become_variables() {
        let variables = read_variables("# c\nA=1\nexport B='x y'\nC=\"a\\nb\"\nD=x # c\n\nE=\n").unwrap();
        let seen: Vec<_> = variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(seen, ["A=1", "B=x y", "C=a\nb", "D=x", "E="]);
        assert_eq!(read_variables("A=1\nnonsense"), Err("nonsense".to_owned()));
    }

    proptest! {
        #[test]
        fn no_template_makes_the_renderer_panic(template in "[{}\"`\\\\env a-]{0,20}") {
            let _ = rendered(&template);
        }
    }
}
