//! Environment variables (`process.env`).

use std::collections::HashMap;

use crate::{BuildError, check};

/// `NAME=value` lines: of equal names the last value wins, in the place of the first.
pub(crate) fn env(env: Vec<(String, String)>) -> Result<Vec<String>, BuildError> {
    let mut places: HashMap<&str, usize> = HashMap::with_capacity(env.len());
    let mut lines = Vec::with_capacity(env.len());
    for (name, value) in &env {
        check_name(name)?;
        check::no_nul("env", value)?;
        let line = [name, "=", value].concat();
        let place = *places.entry(name).or_insert(lines.len());
        match lines.get_mut(place) {
            Some(earlier) => *earlier = line,
            None => lines.push(line),
        }
    }
    Ok(lines)
}

fn check_name(name: &str) -> Result<(), BuildError> {
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err(BuildError::EnvName { name: name.to_owned() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use expect_test::expect;
    use proptest::prelude::*;

    use super::env;
    use crate::testing::{check, refused};

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn the_last_of_equal_names_wins_in_the_place_of_the_first() {
        check(
            |plan| plan.env = pairs(&[("PATH", "/bin"), ("B", "1=2"), ("PATH", "/sbin"), ("A", "")]),
            expect![[r#"
                ~ process.env.0: "PATH=/usr/bin" => "PATH=/sbin"
                + process.env.1: "B=1=2"
                + process.env.2: "A="
            "#]],
        );
    }

    #[test]
    fn names_that_no_process_could_read_back_are_refused() {
        refused(
            |plan| plan.env = pairs(&[("A=B", "c")]),
            expect![[r#""A=B" is not a name for an environment variable"#]],
        );
        refused(
            |plan| plan.env = pairs(&[("", "c")]),
            expect![[r#""" is not a name for an environment variable"#]],
        );
    }

    #[test]
    fn the_value_of_a_refused_variable_is_not_shown() {
        refused(|plan| plan.env = pairs(&[("SECRET", "hunter2\0")]), expect!["env holds a NUL byte"]);
    }

    proptest! {
        #[test]
        fn every_name_appears_once_with_its_last_value(
            given in prop::collection::vec(("[A-D]{1,2}", "[a-z=]{0,3}"), 0..20),
        ) {
            let last: BTreeMap<String, String> = given.iter().cloned().collect();
            let lines = env(given.clone()).unwrap();
            let got: BTreeMap<String, String> = lines
                .iter()
                .map(|line| line.split_once('=').unwrap())
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            prop_assert_eq!(lines.len(), last.len());
            prop_assert_eq!(got, last);
        }

        #[test]
        fn names_keep_the_order_in_which_they_came(
            given in prop::collection::vec(("[A-D]{1,2}", "[a-z]{0,3}"), 0..20),
        ) {
            let mut order: Vec<String> = Vec::new();
            for (name, _) in &given {
                if !order.contains(name) {
                    order.push(name.clone());
                }
            }
            let got: Vec<String> = env(given)
                .unwrap()
                .iter()
                .map(|line| line.split_once('=').unwrap().0.to_owned())
                .collect();
            prop_assert_eq!(got, order);
        }
    }
}
