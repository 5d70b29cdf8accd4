//! Images out of archives, in every form, and the names that jobs call them by.

use e2e::{TaskSetup, World, daemon, test};
use nomad_host::driver::TaskExit;

async fn says(setup: TaskSetup) -> String {
    let (exit, output) = setup.start().await.finish().await;
    assert_eq!(exit, TaskExit::code(0), "{}", output.stderr_text());
    output.stdout_text()
}

/// What `ctr images check` says of a reference: all content is there, and unpacked.
fn assert_complete_and_unpacked(world: &World, reference: &str) {
    let said = world.ctr(&["images", "check", &format!("name=={reference}")]);
    let row = said.lines().find(|line| line.starts_with(reference)).expect(&said);
    assert!(row.contains("complete (") && row.trim_end().ends_with("true"), "{row}");
}

#[test]
fn every_form_of_an_archive_gives_an_image_that_runs() {
    test(async |world| {
        let names: Vec<String> =
            daemon::archives().into_keys().filter(|name| name != "busybox-foreign").collect();
        assert!(names.len() >= 8, "{names:?}");
        for name in names {
            let reference = world.daemon().image(&name);
            assert_complete_and_unpacked(world, &reference);
            let setup = world.task("web").reference(&reference);
            let entrypoint = nomad_proto::cty::Value::List(vec!["/bin/sh".into(), "-c".into()]);
            let shell = if name == "redis" { "/usr/bin/sh" } else { "/bin/sh" };
            let setup = match name.as_str() {
                "redis" => setup.option("entrypoint", shell).option("args", words(&["-c", "echo runs"])),
                _ => setup.option("entrypoint", entrypoint).option("command", "echo runs"),
            };
            assert_eq!(says(setup).await, "runs\n", "{name}");
        }
    });
}

fn words(words: &[&str]) -> nomad_proto::cty::Value {
    nomad_proto::cty::Value::List(words.iter().map(|word| (*word).into()).collect())
}

#[test]
fn upper_layers_replace_remove_and_hide() {
    test(async |world| {
        let script = "cat /etc/layer; ls /home/app; ls /var; stat -c %a /tmp";
        let text = says(world.task("web").image("busybox-layers").shell(script)).await;
        assert_eq!(text, "second\nonly\n1777\n");
    });
}

#[test]
fn owners_modes_and_links_are_those_of_the_image() {
    test(async |world| {
        let script = "stat -c '%u %g %a' /home/app/owned-by-app /root /tmp; readlink /bin/sh; cat /home/app/owned-by-app";
        let text = says(world.task("web").shell(script)).await;
        assert_eq!(text, "1000 1000 600\n0 0 700\n0 0 1777\nbusybox\napp\n");
    });
}

#[test]
fn an_index_gives_the_image_of_this_machine() {
    test(async |world| {
        let script = "test ! -e /wrong-platform && echo right";
        assert_eq!(says(world.task("web").image("busybox-index").shell(script)).await, "right\n");
    });
}

#[test]
fn an_image_that_is_there_is_found_by_every_spelling_of_its_name() {
    test(async |world| {
        world.daemon().image("busybox");
        for reference in
            ["busybox:1", "library/busybox:1", "docker.io/busybox:1", "docker.io/library/busybox:1"]
        {
            let text = says(world.task("web").reference(reference).shell("echo found")).await;
            assert_eq!(text, "found\n", "{reference}");
        }
    });
}

#[test]
fn an_import_may_be_repeated() {
    test(async |world| {
        let reference = world.daemon().image("busybox-gzip");
        let output = world.daemon().import(&daemon::archive("busybox-gzip").file);
        assert!(output.status.success(), "{output:?}");
        assert_complete_and_unpacked(world, &reference);
    });
}

#[test]
fn an_archive_for_another_machine_is_not_imported() {
    test(async |world| {
        let output = world.daemon().import(&daemon::archive("busybox-foreign").file);
        assert!(!output.status.success());
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains("no image for linux/"), "{text}");
    });
}

#[test]
fn what_is_no_archive_is_refused_by_its_name() {
    test(async |world| {
        let file = world.directory().join("no-archive.tar");
        for content in [&b""[..], b"this is no archive", &[0; 4096]] {
            std::fs::write(&file, content).unwrap();
            let output = world.daemon().import(&file);
            assert!(!output.status.success());
            let text = String::from_utf8(output.stderr).unwrap();
            assert!(text.contains("no-archive.tar"), "{text}");
        }
        let output = world.daemon().import(&world.directory().join("missing.tar"));
        assert!(!output.status.success());
        assert!(String::from_utf8(output.stderr).unwrap().contains("missing.tar"));
    });
}
