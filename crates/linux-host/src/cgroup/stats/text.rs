//! The two shapes of a cgroup's files.

/// A file with one number.
pub(super) fn single(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

/// A file with one `key number` a line.
#[derive(Clone, Copy)]
pub(super) struct Flat<'a>(pub(super) &'a str);

impl Flat<'_> {
    /// The number of the first line with `key`.
    pub(super) fn get(self, key: &str) -> Option<u64> {
        self.0.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')).and_then(single)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_key_is_matched_whole() {
        let file = Flat("rss_huge 1\nrss 2\ntotal_rss 3\n");
        assert_eq!(file.get("rss"), Some(2));
        assert_eq!(file.get("total_rss"), Some(3));
        assert_eq!(file.get("total"), None);
        assert_eq!(file.get("rss_huge 1"), None);
    }

    #[test]
    fn words_in_the_place_of_numbers_are_absent() {
        assert_eq!(single("max\n"), None);
        assert_eq!(Flat("limit max\n").get("limit"), None);
        assert_eq!(single(""), None);
    }

    proptest! {
        #[test]
        fn every_number_is_read_back(number in any::<u64>(), before in "([a-z_]{1,8} [0-9]{1,5}\n){0,4}") {
            prop_assert_eq!(single(&format!("{number}\n")), Some(number));
            let text = format!("{before}wanted.key {number}\n");
            prop_assert_eq!(Flat(&text).get("wanted.key"), Some(number));
        }

        #[test]
        fn no_text_is_a_surprise(text in "\\PC{0,80}", key in "[a-z]{0,3}") {
            let _ = (single(&text), Flat(&text).get(&key));
        }
    }
}
