//! Names of devices, `vendor.com/class=name`.

use std::fmt;

/// The full name of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// `vendor.com/class`.
    pub kind: String,
    /// The device among those of its kind.
    pub device: String,
}

impl Name {
    /// Reads a text that has the form of such a name; no path has it.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let (kind, device) = text.split_once('=')?;
        (is_kind(kind) && is_device(device))
            .then(|| Self { kind: kind.to_owned(), device: device.to_owned() })
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.kind, self.device)
    }
}

/// Whether a text is `vendor.com/class`.
fn is_kind(text: &str) -> bool {
    let is_part = |part: &str| part.starts_with(|c: char| c.is_ascii_alphabetic()) && is_word(part, "-_.");
    text.split_once('/').is_some_and(|(vendor, class)| is_part(vendor) && is_part(class))
}

/// Whether a text can name a device of its kind.
pub(super) fn is_device(text: &str) -> bool {
    is_word(text, "-_.:")
}

/// Letters and digits, with the others between them.
fn is_word(text: &str, others: &str) -> bool {
    let bounded = |end: Option<char>| end.is_some_and(|c| c.is_ascii_alphanumeric());
    bounded(text.chars().next())
        && bounded(text.chars().next_back())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_has_a_vendor_a_class_and_a_device() {
        for text in ["nvidia.com/gpu=all", "v/c=0", "vendor.com/a-b_c.d=GPU-1:0"] {
            assert_eq!(Name::from_text(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn anything_else_is_none() {
        for text in [
            "", "=", "/=", "v/c", "v/c=", "v=c", "/c=d", "v/=d", "/dev/x=y", "1v/c=d", "v/1c=d", "v/c=-d",
            "v/c=d:", "v/c/e=d", "v/c=a=b", "v/c=a/b", "v c/d=e",
        ] {
            assert_eq!(Name::from_text(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_again_as_it_was(text in "[a1./=:-]{0,10}") {
            if let Some(name) = Name::from_text(&text) {
                prop_assert_eq!(name.to_string(), text);
            }
        }
    }
}
