//! The command line (`process.args`).

use crate::{BuildError, check};

pub(crate) fn args(args: Vec<String>) -> Result<Vec<String>, BuildError> {
    if args.first().is_none_or(String::is_empty) {
        return Err(BuildError::NoCommand);
    }
    args.iter().try_for_each(|arg| check::no_nul("args", arg))?;
    Ok(args)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::testing::{check, refused};

    #[test]
    fn the_command_line_is_kept_word_by_word() {
        check(
            |plan| plan.args = vec!["sh".into(), "-c".into(), String::new(), "a  b".into()],
            expect![[r#"
                ~ process.args.0: "true" => "sh"
                + process.args.1: "-c"
                + process.args.2: ""
                + process.args.3: "a  b"
            "#]],
        );
    }

    #[test]
    fn no_command_and_an_empty_command_are_refused() {
        refused(|plan| plan.args = vec![], expect!["there is no command to run"]);
        refused(|plan| plan.args = vec![String::new()], expect!["there is no command to run"]);
    }

    #[test]
    fn a_nul_byte_is_refused() {
        refused(|plan| plan.args.push("a\0b".into()), expect!["args holds a NUL byte"]);
    }
}
