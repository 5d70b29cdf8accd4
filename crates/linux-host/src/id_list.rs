//! Lists of numbers as the kernel writes them (cpuset(7), "List format"): `0-2,7`.

use std::fmt;
use std::ops::RangeInclusive;

/// CPUs or memory nodes by number, in the kernel's own form: ascending ranges with a gap between each two. So the list
/// that is written is short, however the one that was read was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdList(Vec<RangeInclusive<u16>>);

/// The longest text that is read, in bytes: more than a list of every other CPU of the largest kernels (8192).
const TEXT_MAX: usize = 64 * 1024;

impl IdList {
    /// Reads a list; an empty text is an empty list. Anything but a list is none, and so is a text of more than 64 KiB.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > TEXT_MAX {
            return None;
        }
        let number = |text: &str| text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
        let range = |part: &str| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last): (u16, u16) = (number(first)?, number(last)?);
            (first <= last).then_some((first, last))
        };
        match text.trim() {
            "" => Some(Self(Vec::new())),
            text => text.split(',').map(range).collect::<Option<_>>().map(Self::canonical),
        }
    }

    fn canonical(mut ranges: Vec<(u16, u16)>) -> Self {
        ranges.sort_unstable();
        let mut merged: Vec<RangeInclusive<u16>> = Vec::new();
        for (first, last) in ranges {
            match merged.last_mut() {
                Some(before) if first <= before.end().saturating_add(1) => {
                    *before = *before.start()..=last.max(*before.end());
                }
                _ => merged.push(first..=last),
            }
        }
        Self(merged)
    }

    /// Whether there is no number.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every number of the other list is in this one.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let has = |wanted: &RangeInclusive<u16>| {
            let place = self.0.partition_point(|own| own.end() < wanted.start());
            self.0.get(place).is_some_and(|own| own.start() <= wanted.start() && wanted.end() <= own.end())
        };
        other.0.iter().all(has)
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

    #[test]
    fn a_list_is_written_in_the_kernels_own_form() {
        assert_eq!(list("7,1,0,3-5,4-6,1,0-1").to_string(), "0-1,3-7");
        assert_eq!(list("2,1,0"), list("0-2"));
        assert_eq!(list("65535,0-65534").to_string(), "0-65535");
        assert_eq!(list(&"0-3,".repeat(5000)[..19_999]).to_string(), "0-3");
        assert!(list("").is_empty() && !list("0").is_empty());
    }

    #[test]
    fn a_text_that_is_longer_than_any_list_is_none() {
        let long = ["0"; 40_000].join(",");
        assert_eq!(IdList::parse(&long), None);
        assert_eq!(list(&long[..long.len() / 2]).to_string(), "0");
    }

    #[test]
    fn the_longest_lists_are_held_against_each_other_at_once() {
        let every = |step| IdList::canonical((0..=u16::MAX).step_by(step).map(|n| (n, n)).collect());
        assert!(every(2).covers(&every(4)) && !every(4).covers(&every(2)));
    }

    proptest! {
        #[test]
        fn a_list_has_the_numbers_that_were_written(
            parts in prop::collection::vec((0_u16..40, 0_u16..5), 0..8),
            other in prop::collection::vec((0_u16..40, 0_u16..5), 0..3),
        ) {
            let text = |parts: &[(u16, u16)]| {
                let parts: Vec<_> =
                    parts.iter().map(|(first, more)| format!("{first}-{}", first + more)).collect();
                parts.join(",")
            };
            let numbers = |parts: &[(u16, u16)]| {
                let numbers = parts.iter().flat_map(|(first, more)| *first..=first + more);
                numbers.collect::<std::collections::BTreeSet<_>>()
            };
            let own = list(&text(&parts));
            prop_assert_eq!(own.0.iter().cloned().flatten().collect::<Vec<_>>(), numbers(&parts).into_iter().collect::<Vec<_>>());
            prop_assert_eq!(own.covers(&list(&text(&other))), numbers(&parts).is_superset(&numbers(&other)));
        }

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
