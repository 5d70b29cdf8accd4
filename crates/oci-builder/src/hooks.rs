//! Programs that the runtime runs around a container's life (`hooks`; runtime-spec, "POSIX-platform Hooks").

use std::path::PathBuf;

use oci_spec::runtime::Hooks;

use crate::{BuildError, check, env};

/// When a hook runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookPoint {
    /// Before the task's program, in the host's namespaces; the older form of `createRuntime`.
    Prestart,
    /// While the container is made, in the host's namespaces.
    CreateRuntime,
    /// While the container is made, in its namespaces.
    CreateContainer,
    /// Before the task's program, in the container's file system.
    StartContainer,
    /// After the program has started.
    Poststart,
    /// After the container is gone.
    Poststop,
}

/// One program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// When it runs.
    pub point: HookPoint,
    /// Absolute path.
    pub path: PathBuf,
    /// Its arguments, its own name first.
    pub args: Vec<String>,
    /// Its environment.
    pub env: Vec<(String, String)>,
    /// Seconds that it may take, 1 and more; unset is as long as it needs.
    pub timeout_seconds: Option<u32>,
}

pub(crate) fn hooks(hooks: Vec<Hook>) -> Result<Option<Hooks>, BuildError> {
    if hooks.is_empty() {
        return Ok(None);
    }
    let at = |point| -> Result<_, BuildError> {
        let of_point = hooks.iter().filter(|hook| hook.point == point);
        let list = of_point.map(|hook| hook.clone().into_spec()).collect::<Result<Vec<_>, _>>()?;
        Ok((!list.is_empty()).then_some(list))
    };
    let mut spec = Hooks::default();
    spec.set_prestart(at(HookPoint::Prestart)?)
        .set_create_runtime(at(HookPoint::CreateRuntime)?)
        .set_create_container(at(HookPoint::CreateContainer)?)
        .set_start_container(at(HookPoint::StartContainer)?)
        .set_poststart(at(HookPoint::Poststart)?)
        .set_poststop(at(HookPoint::Poststop)?);
    Ok(Some(spec))
}

impl Hook {
    fn into_spec(self) -> Result<oci_spec::runtime::Hook, BuildError> {
        let Self { point: _, path, args, env, timeout_seconds } = self;
        check::absolute_path("hook path", &path)?;
        args.iter().try_for_each(|arg| check::no_nul("hook argument", arg))?;
        if timeout_seconds == Some(0) {
            return Err(BuildError::Range {
                option: "hook timeout",
                value: 0,
                accepted: "1 second and more",
            });
        }
        let mut hook = oci_spec::runtime::Hook::default();
        hook.set_path(path)
            .set_args((!args.is_empty()).then_some(args))
            .set_env(Some(env::env(env)?).filter(|env| !env.is_empty()))
            .set_timeout(timeout_seconds.map(i64::from));
        Ok(hook)
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::{Hook, HookPoint};
    use crate::testing::{check, refused};

    fn hook(point: HookPoint) -> Hook {
        Hook { point, path: "/bin/h".into(), args: vec![], env: vec![], timeout_seconds: None }
    }

    #[test]
    fn every_hook_is_at_its_point_in_order() {
        check(
            |plan| {
                let full = Hook {
                    args: vec!["h".into(), "x".into()],
                    env: vec![("A".into(), "1".into())],
                    timeout_seconds: Some(5),
                    ..hook(HookPoint::CreateContainer)
                };
                plan.hooks = vec![hook(HookPoint::Poststop), full, hook(HookPoint::CreateContainer)];
            },
            expect![[r#"
                + hooks: {"createContainer":[{"args":["h","x"],"env":["A=1"],"path":"/bin/h","timeout":5},{"path":"/bin/h"}],"poststop":[{"path":"/bin/h"}]}
            "#]],
        );
        check(
            |plan| {
                let points = [
                    HookPoint::Prestart,
                    HookPoint::CreateRuntime,
                    HookPoint::StartContainer,
                    HookPoint::Poststart,
                ];
                plan.hooks = points.map(hook).into();
            },
            expect![[r#"
                + hooks: {"createRuntime":[{"path":"/bin/h"}],"poststart":[{"path":"/bin/h"}],"prestart":[{"path":"/bin/h"}],"startContainer":[{"path":"/bin/h"}]}
            "#]],
        );
    }

    #[test]
    fn a_hook_is_an_absolute_path_with_time_to_run() {
        refused(
            |plan| plan.hooks = vec![Hook { path: "h".into(), ..hook(HookPoint::Poststop) }],
            expect![[r#"hook path must be an absolute path without "..", not "h""#]],
        );
        refused(
            |plan| plan.hooks = vec![Hook { timeout_seconds: Some(0), ..hook(HookPoint::Poststop) }],
            expect!["hook timeout is out of range: 0 (accepted: 1 second and more)"],
        );
    }
}
