//! How job, image and host facts join to a plan.

use super::*;
use crate::testing::spec;

fn image() -> Image {
    Image {
        name: "docker.io/library/redis:7".into(),
        entrypoint: vec!["entry".into()],
        cmd: vec!["cmd".into(), "arg".into()],
        env: vec!["PATH=/image".into(), "A=image".into()],
        working_dir: "/data".into(),
        ..Image::default()
    }
}

fn args_of(change: impl FnOnce(&mut crate::options::TaskOptions)) -> String {
    let mut task = spec("web");
    change(&mut task.options);
    args(&task, &image()).map_or_else(|refusal| refusal.to_string(), |args| args.join(" "))
}

#[test]
fn without_options_the_image_decides() {
    assert_eq!(args_of(|_| {}), "entry cmd arg");
}

#[test]
fn a_command_replaces_cmd_behind_the_entrypoint() {
    assert_eq!(args_of(|options| options.command = Some("run".into())), "entry run");
    assert_eq!(args_of(|options| options.args = vec!["-v".into()]), "entry -v");
}

#[test]
fn an_entrypoint_drops_the_images_cmd() {
    assert_eq!(args_of(|options| options.entrypoint = vec!["sh".into()]), "sh");
    let both = args_of(|options| {
        options.entrypoint = vec!["sh".into()];
        options.command = Some("-c".into());
        options.args = vec!["true".into()];
    });
    assert_eq!(both, "sh -c true");
}

#[test]
fn an_image_without_a_program_needs_a_command() {
    let refusal = args(&spec("web"), &Image { name: "scratch".into(), ..Image::default() }).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        r#"command = "": image scratch names no program of its own: set command or entrypoint"#
    );
}

#[test]
fn the_tasks_environment_wins_over_the_images() {
    let mut task = spec("web");
    task.env.0.insert("A".into(), "task".into());
    let env = env(&task, &image(), "host-1");
    let last = |name: &str| env.iter().rfind(|(known, _)| known == name).map(|(_, value)| value.as_str());
    assert_eq!((last("A"), last("PATH"), last("HOSTNAME")), (Some("task"), Some("/image"), Some("host-1")));
}

#[test]
fn the_working_directory_is_the_jobs_else_the_images_else_the_root() {
    let mut task = spec("web");
    assert_eq!(cwd(&task, &image()), Path::new("/data"));
    assert_eq!(cwd(&task, &Image::default()), Path::new("/"));
    task.options.cwd = Some("/srv".into());
    assert_eq!(cwd(&task, &image()), Path::new("/srv"));
}

#[test]
fn a_volume_at_the_place_of_an_own_mount_replaces_it() {
    let mut task = spec("web");
    task.mounts.push(VolumeMount {
        host_path: "/srv/hosts".into(),
        task_path: "/etc/hosts".into(),
        readonly: true,
        propagation: Propagation::Private,
    });
    let files =
        NetworkFiles { hostname: "h".into(), hosts: "/s/hosts".into(), resolv_conf: "/s/resolv.conf".into() };
    let hosts: Vec<_> = mounts(&task, &files, Path::new("/s/logs"))
        .into_iter()
        .filter(|m| m.destination == Path::new("/etc/hosts"))
        .collect();
    assert_eq!(hosts, [volume(&task.mounts[0])]);
}
