//! An error with everything that caused it, on one line.

use std::error::Error;

/// `what: because: because`. Parts that repeat the one before are left out.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let part = error.to_string();
        if !text.ends_with(&part) {
            text = format!("{text}: {part}");
        }
        next = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Layer(&'static str, #[source] Option<Box<Layer>>);

    #[test]
    fn causes_follow_each_other_and_repetitions_are_left_out() {
        let inner = Layer("refused", None);
        let middle = Layer("cannot connect: refused", Some(Box::new(inner)));
        let outer = Layer("not started", Some(Box::new(middle)));
        assert_eq!(chain(&outer), "not started: cannot connect: refused");
    }
}
