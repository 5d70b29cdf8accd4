//! The working directory (`process.cwd`); the runtime makes it when it is missing.

use std::path::PathBuf;

use crate::{BuildError, check};

pub(crate) fn cwd(cwd: PathBuf) -> Result<PathBuf, BuildError> {
    check::absolute_path("cwd", &cwd)?;
    Ok(cwd)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::testing::{check, refused};

    #[test]
    fn an_absolute_directory_is_taken() {
        check(
            |plan| plan.cwd = "/srv/app".into(),
            expect![[r#"
                ~ process.cwd: "/" => "/srv/app"
            "#]],
        );
    }

    #[test]
    fn relative_and_climbing_directories_are_refused() {
        refused(
            |plan| plan.cwd = "srv".into(),
            expect![[r#"cwd must be an absolute path without "..", not "srv""#]],
        );
        refused(
            |plan| plan.cwd = "/srv/../..".into(),
            expect![[r#"cwd must be an absolute path without "..", not "/srv/../..""#]],
        );
    }
}
