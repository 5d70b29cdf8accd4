//! Annotations (`annotations`).

use std::collections::{BTreeMap, HashMap};

use crate::BuildError;

pub(crate) fn annotations(
    annotations: BTreeMap<String, String>,
) -> Result<Option<HashMap<String, String>>, BuildError> {
    if annotations.contains_key("") {
        return Err(BuildError::AnnotationName);
    }
    Ok((!annotations.is_empty()).then(|| annotations.into_iter().collect()))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::testing::{check, refused};

    #[test]
    fn annotations_are_copied() {
        check(
            |plan| {
                plan.annotations.insert("io.example/a".into(), String::new());
            },
            expect![[r#"
                + annotations: {"io.example/a":""}
            "#]],
        );
    }

    #[test]
    fn an_empty_key_is_refused() {
        refused(
            |plan| {
                plan.annotations.insert(String::new(), "x".into());
            },
            expect!["an annotation has an empty key"],
        );
    }
}
