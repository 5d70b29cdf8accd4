//! JSON as the programs of the field read it, which is as Go does (`encoding/json`): keys without regard to case, `null`
//! for what is empty, unknown keys passed over, the last of several values; and no longer lists than they have need of.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

/// Largest size of a blob that is believed, in bytes: no file system of Linux has larger files.
const LARGEST: u64 = 16 << 40;

/// A value that is read from a JSON object, field by field.
pub(crate) trait Object: Default {
    /// Reads the value of the field with this name in lower case; false when there is no such field, and nothing is read.
    fn field<'de, M: MapAccess<'de>>(&mut self, name: &str, map: &mut M) -> Result<bool, M::Error>;
}

/// Reads a whole document.
pub(crate) fn read<T: Object>(bytes: &[u8]) -> serde_json::Result<T> {
    let mut value = T::default();
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    Into(&mut value).deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// Reads a whole document that is a list.
pub(crate) fn read_list<T: Object>(
    bytes: &[u8],
    (longest, what): (usize, &'static str),
) -> serde_json::Result<Vec<T>> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let seed = List { longest, what, entry: PhantomData::<Whole<T>> };
    let list = seed.deserialize(&mut reader)?;
    reader.end()?;
    Ok(list.into_iter().map(|Whole(entry)| entry).collect())
}

/// Reads an object into one that may have something already, as with a key that is there twice.
pub(crate) fn object<'de, T: Object, M: MapAccess<'de>>(
    value: &mut T,
    map: &mut M,
) -> Result<bool, M::Error> {
    map.next_value_seed(Into(value)).map(|()| true)
}

/// Reads a text; `null` changes nothing.
pub(crate) fn text<'de, M: MapAccess<'de>>(value: &mut String, map: &mut M) -> Result<bool, M::Error> {
    if let Some(Text(text)) = map.next_value::<Option<Text>>()? {
        *value = text;
    }
    Ok(true)
}

/// Reads a number of bytes.
pub(crate) fn size<'de, M: MapAccess<'de>>(value: &mut u64, map: &mut M) -> Result<bool, M::Error> {
    let Some(number) = map.next_value::<Option<i64>>()? else { return Ok(true) };
    match u64::try_from(number) {
        Ok(size) if size <= LARGEST => *value = size,
        _ => return Err(M::Error::custom(format_args!("{number} is not the size of anything in bytes"))),
    }
    Ok(true)
}

/// Reads a list of at most so many entries; `null` is an empty one. `what` are the entries for people.
pub(crate) fn list<'de, T: Object, M: MapAccess<'de>>(
    value: &mut Vec<T>,
    (longest, what): (usize, &'static str),
    map: &mut M,
) -> Result<bool, M::Error> {
    let seed = List { longest, what, entry: PhantomData::<Whole<T>> };
    *value = map.next_value_seed(seed)?.into_iter().map(|Whole(entry)| entry).collect();
    Ok(true)
}

/// The same for texts.
pub(crate) fn texts<'de, M: MapAccess<'de>>(
    value: &mut Vec<String>,
    (longest, what): (usize, &'static str),
    map: &mut M,
) -> Result<bool, M::Error> {
    let seed = List { longest, what, entry: PhantomData::<Option<Text>> };
    let texts = map.next_value_seed(seed)?;
    *value = texts.into_iter().map(|entry| entry.map(|Text(text)| text).unwrap_or_default()).collect();
    Ok(true)
}

/// Reads the texts of an object that stand at these keys, which count as they are written.
pub(crate) fn texts_at<'de, M: MapAccess<'de>>(
    value: &mut BTreeMap<String, String>,
    wanted: &'static [&'static str],
    map: &mut M,
) -> Result<bool, M::Error> {
    map.next_value_seed(TextsAt { value, wanted })?;
    Ok(true)
}

/// Reads the keys of an object, as they are written; what stands at them is passed over.
pub(crate) fn keys<'de, M: MapAccess<'de>>(
    value: &mut Vec<String>,
    (longest, what): (usize, &'static str),
    map: &mut M,
) -> Result<bool, M::Error> {
    map.next_value_seed(Keys { value, longest, what })?;
    Ok(true)
}

/// Notes that a field is there, whatever it has.
pub(crate) fn seen<'de, M: MapAccess<'de>>(value: &mut bool, map: &mut M) -> Result<bool, M::Error> {
    *value = true;
    map.next_value::<IgnoredAny>().map(|_| true)
}

/// A text, in which what is no text is replaced as Go replaces it.
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Text, E> {
                Ok(Text(String::from_utf8_lossy(bytes).into_owned()))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Text, E> {
                Ok(Text(text.to_owned()))
            }
        }
        // As bytes: strings of other encodings are no error.
        from.deserialize_bytes(Bytes)
    }
}

struct Into<'a, T>(&'a mut T);

impl<'de, T: Object> DeserializeSeed<'de> for Into<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de, T: Object> Visitor<'de> for Into<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(Text(key)) = map.next_key()? {
            if !self.0.field(&folded(&key), &mut map)? {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// An entry of a list.
struct Whole<T>(T);

impl<'de, T: Object> Deserialize<'de> for Whole<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut value = T::default();
        Into(&mut value).deserialize(from)?;
        Ok(Self(value))
    }
}

struct List<T> {
    longest: usize,
    what: &'static str,
    entry: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for List<T> {
    type Value = Vec<T>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Vec<T>, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for List<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of {}", self.what)
    }

    fn visit_unit<E>(self) -> Result<Vec<T>, E> {
        Ok(Vec::new())
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut entries: S) -> Result<Vec<T>, S::Error> {
        let mut list = Vec::new();
        while let Some(entry) = entries.next_element()? {
            if list.len() == self.longest {
                return Err(too_many(self.longest, self.what));
            }
            list.push(entry);
        }
        Ok(list)
    }
}

struct TextsAt<'a> {
    value: &'a mut BTreeMap<String, String>,
    wanted: &'static [&'static str],
}

impl<'de> DeserializeSeed<'de> for TextsAt<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for TextsAt<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of strings")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.value.clear();
        Ok(())
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some((Text(key), text)) = map.next_entry::<Text, Option<Text>>()? {
            if self.wanted.contains(&key.as_str()) {
                self.value.insert(key, text.map(|Text(text)| text).unwrap_or_default());
            }
        }
        Ok(())
    }
}

struct Keys<'a> {
    value: &'a mut Vec<String>,
    longest: usize,
    what: &'static str,
}

impl<'de> DeserializeSeed<'de> for Keys<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Keys<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object of {}", self.what)
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.value.clear();
        Ok(())
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some((Text(key), _)) = map.next_entry::<Text, IgnoredAny>()? {
            if self.value.len() == self.longest {
                return Err(too_many(self.longest, self.what));
            }
            self.value.push(key);
        }
        Ok(())
    }
}

fn too_many<E: Error>(longest: usize, what: &str) -> E {
    E::custom(format_args!("more than {longest} {what}"))
}

/// A key without its case: ASCII letters, and the two others that Go takes for them.
fn folded(key: &str) -> String {
    let fold = |c: char| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    };
    key.chars().map(fold).collect()
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
