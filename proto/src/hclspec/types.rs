//! Type expressions: what an attribute may hold.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::cursor::Cursor;

/// How deep a type expression may nest.
const MAX_DEPTH: usize = 32;

/// The type of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// Whatever the job says, as it is.
    Any,
    /// Text.
    String,
    /// A number of any size and precision.
    Number,
    /// `true` or `false`.
    Bool,
    /// Elements of one type in order.
    List(Box<Type>),
    /// Elements of one type, without order and duplicates.
    Set(Box<Type>),
    /// Free keys with values of one type.
    Map(Box<Type>),
    /// Exactly these keys.
    Object(BTreeMap<String, Type>),
    /// Exactly these elements.
    Tuple(Vec<Type>),
}

/// Text inside a spec that is no type expression, or no constant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {what} from {rest:?} on")]
pub struct SyntaxError {
    /// What it should have been.
    pub what: &'static str,
    /// The whole text.
    pub text: String,
    /// What could not be read.
    pub rest: String,
}

impl Type {
    /// `list(T)`.
    pub fn list(element: Self) -> Self {
        Self::List(Box::new(element))
    }

    /// `map(T)`.
    pub fn map(element: Self) -> Self {
        Self::Map(Box::new(element))
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::String => f.write_str("string"),
            Self::Number => f.write_str("number"),
            Self::Bool => f.write_str("bool"),
            Self::List(element) => write!(f, "list({element})"),
            Self::Set(element) => write!(f, "set({element})"),
            Self::Map(element) => write!(f, "map({element})"),
            Self::Object(fields) => {
                f.write_str("object({")?;
                for (index, (name, ty)) in fields.iter().enumerate() {
                    write!(f, "{}{name} = {ty}", if index > 0 { ", " } else { "" })?;
                }
                f.write_str("})")
            }
            Self::Tuple(elements) => {
                f.write_str("tuple([")?;
                for (index, ty) in elements.iter().enumerate() {
                    write!(f, "{}{ty}", if index > 0 { ", " } else { "" })?;
                }
                f.write_str("])")
            }
        }
    }
}

impl FromStr for Type {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        let mut cursor = Cursor::new(text);
        match read(&mut cursor, MAX_DEPTH) {
            Some(ty) if cursor.rest().is_empty() => Ok(ty),
            _ => Err(SyntaxError {
                what: "type expression",
                text: text.to_owned(),
                rest: cursor.rest().to_owned(),
            }),
        }
    }
}

fn read(cursor: &mut Cursor<'_>, depth: usize) -> Option<Type> {
    let depth = depth.checked_sub(1)?;
    match cursor.word() {
        "any" => return Some(Type::Any),
        "string" => return Some(Type::String),
        "number" => return Some(Type::Number),
        "bool" => return Some(Type::Bool),
        "list" => element(cursor, depth).map(Type::List),
        "set" => element(cursor, depth).map(Type::Set),
        "map" => element(cursor, depth).map(Type::Map),
        "object" => fields(cursor, depth).map(Type::Object),
        "tuple" => elements(cursor, depth).map(Type::Tuple),
        _ => None,
    }
    .filter(|_| cursor.eat(')'))
}

fn element(cursor: &mut Cursor<'_>, depth: usize) -> Option<Box<Type>> {
    cursor.eat('(').then(|| read(cursor, depth)).flatten().map(Box::new)
}

fn fields(cursor: &mut Cursor<'_>, depth: usize) -> Option<BTreeMap<String, Type>> {
    if !(cursor.eat('(') && cursor.eat('{')) {
        return None;
    }
    let mut fields = BTreeMap::new();
    while !cursor.eat('}') {
        let name = cursor.word().to_owned();
        if name.is_empty() || !(cursor.eat('=') || cursor.eat(':')) {
            return None;
        }
        fields.insert(name, read(cursor, depth)?);
        if !cursor.eat(',') && cursor.peek() != Some('}') {
            return None;
        }
    }
    Some(fields)
}

fn elements(cursor: &mut Cursor<'_>, depth: usize) -> Option<Vec<Type>> {
    if !(cursor.eat('(') && cursor.eat('[')) {
        return None;
    }
    let mut elements = Vec::new();
    while !cursor.eat(']') {
        elements.push(read(cursor, depth)?);
        if !cursor.eat(',') && cursor.peek() != Some(']') {
            return None;
        }
    }
    Some(elements)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_form_is_read_with_any_blanks() {
        let ty: Type = " object( { a = list( map(string) ), b:tuple([number ,any]) , } ) ".parse().unwrap();
        assert_eq!(ty.to_string(), "object({a = list(map(string)), b = tuple([number, any])})");
        assert_eq!("set(bool)".parse(), Ok(Type::Set(Box::new(Type::Bool))));
        assert_eq!("object({})".parse(), Ok(Type::Object(BTreeMap::new())));
    }

    #[test]
    fn what_is_no_type_is_refused_where_it_goes_wrong() {
        for text in
            ["", "text", "list", "list(string", "list()", "list(string) x", "object({a})", "tuple([any any])"]
        {
            assert!(text.parse::<Type>().is_err(), "{text:?}");
        }
        let error = "list(string)]".parse::<Type>().unwrap_err();
        assert_eq!(error.to_string(), r#""list(string)]" is no type expression from "]" on"#);
        assert!("list(".repeat(100_000).parse::<Type>().is_err());
    }

    fn ty() -> impl Strategy<Value = Type> {
        let leaf = prop_oneof![Just(Type::Any), Just(Type::String), Just(Type::Number), Just(Type::Bool)];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                inner.clone().prop_map(|ty| Type::List(Box::new(ty))),
                inner.clone().prop_map(|ty| Type::Set(Box::new(ty))),
                inner.clone().prop_map(|ty| Type::Map(Box::new(ty))),
                prop::collection::btree_map("[a-z][a-z_0-9]{0,6}", inner.clone(), 0..4)
                    .prop_map(Type::Object),
                prop::collection::vec(inner, 0..4).prop_map(Type::Tuple),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_type_reads_back(ty in ty()) {
            prop_assert_eq!(ty.to_string().parse(), Ok(ty));
        }
    }
}
