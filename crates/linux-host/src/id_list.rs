//! Lists of numbers as the kernel writes them (cpuset(7), "List format"): `0-2,7`.

use std::fmt;
use std::ops::RangeInclusive;

/// CPUs or memory nodes by number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdList(Vec<RangeInclusive<u16>>);

impl IdList {
    /// Reads a list; an empty text is an empty list, anything but a list is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let number = |text: &str| text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
        let range = |part: &str| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last): (u16, u16) = (number(first)?, number(last)?);
            (first <= last).then_some(first..=last)
        };
        match text.trim() {
            "" => Some(Self(Vec::new())),
            text => text.split(',').map(range).collect::<Option<_>>().map(Self),
        }
    }

    /// Whether every number of the other list is in this one.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let has = |number: u16| self.0.iter().any(|range| range.contains(&number));
        other.0.iter().cloned().flatten().all(has)
    }
}

impl fmt::Display for IdList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, range) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            match (range.start(), range.end()) {
                (first, last) if first == last => write!(f, "{comma}{first}")?,
                (first, last) => write!(f, "{comma}{first}-{last}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn list(text: &str) -> IdList {
        IdList::parse(text).unwrap()
    }

    #[test]
    fn numbers_and_ranges_are_read_and_nothing_else() {
        assert_eq!(list("0-2,7\n").to_string(), "0-2,7");
        assert_eq!(list("").to_string(), "");
        for text in ["a", "2-1", "0-", "-1", "0,,1", "0 1", "+1", "65536", ","] {
            assert_eq!(IdList::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_list_covers_what_its_ranges_have_together() {
        assert!(list("0-3,4-7").covers(&list("2-5,7")));
        assert!(!list("0-3,5-7").covers(&list("2-5")));
        assert!(list("0").covers(&list("")) && !list("").covers(&list("0")));
        assert!(list("0-65535").covers(&list("0-65535,65535")));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_as_the_same(text in "[0-9]{1,4}(,[0-9]{1,4}){0,5}") {
            prop_assert_eq!(list(&list(&text).to_string()), list(&text));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "[-,0-9a ]{0,12}") {
            let _ = IdList::parse(&text);
        }
    }
}
