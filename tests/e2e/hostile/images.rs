//! Images whose users and groups are absurd. What is wrong is said of the image, never of containerd.

use std::time::Instant;

use e2e::image::{self, Layer, OwnImage};
use e2e::{World, environment, test};
use tar::EntryType;

use super::{PROMPT, others_run, refusal};

/// Imports an image with this layer and calls the body with its reference.
async fn with_image(world: &World, layer: Layer, body: impl AsyncFnOnce(&str)) {
    let reference = image::reference();
    OwnImage::with(layer).import(world.daemon(), &world.directory(), &reference).unwrap();
    body(&reference).await;
    image::remove(world.daemon(), &reference);
}

#[test]
fn an_image_whose_users_cannot_be_read_is_refused_by_its_file_and_quickly() {
    test(async |world| {
        let line = b"x:x:1:1:::\n";
        let cases: [(&str, Layer, &str); 8] = [
            ("/etc/passwd", Layer::default().file("etc/passwd", &line.repeat(500_000)), "too large"),
            ("/etc/passwd", Layer::default().file("etc/passwd", &vec![b'x'; 5 << 20]), "too large"),
            ("/etc/group", Layer::default().file("etc/group", &vec![0; 5 << 20]), "too large"),
            ("/etc/passwd", Layer::default().entry(EntryType::Fifo, "etc/passwd", "", b""), "a FIFO"),
            ("/etc/passwd", Layer::default().device(EntryType::Char, "etc/passwd", (1, 5)), "a device"),
            (
                "/etc/passwd",
                Layer::default().entry(EntryType::Directory, "etc/passwd", "", b""),
                "a directory",
            ),
            ("nobody-here", Layer::default().link("etc/passwd", "/proc/kmsg"), "unknown user"),
            ("nobody-here", Layer::default().link("etc/passwd", "passwd"), "unknown user"),
        ];
        for (named, layer, told) in cases {
            with_image(world, layer, async |reference| {
                let setup = world
                    .task("web")
                    .reference(reference)
                    .shell("true")
                    .with(|task| task.user("nobody-here"));
                let text = refusal(setup).await;
                assert!(text.contains(named) && text.contains(told), "{text}");
            })
            .await;
        }
        others_run(world).await;
    });
}

#[test]
fn a_user_of_thousands_of_groups_is_given_them_or_refused_for_their_number() {
    test(async |world| {
        let groups = |number: usize| -> Vec<u8> {
            (0..number).flat_map(|gid| format!("g:x:{}:app\n", gid + 2000).into_bytes()).collect()
        };
        let app = |setup: e2e::TaskSetup| setup.with(|task| task.user("app"));
        with_image(world, Layer::default().file("etc/group", &groups(1000)), async |reference| {
            let task = app(world.task("web").reference(reference).shell("sleep 1000")).start().await;
            assert_eq!(task.read("grep ^Groups: /proc/1/status | wc -w").await, "1002\n");
            task.destroy(true).await.unwrap();
        })
        .await;
        with_image(world, Layer::default().file("etc/group", &groups(250_000)), async |reference| {
            let begun = Instant::now();
            let setup = app(world.task("web").reference(reference).shell("true"));
            let (text, ()) = tokio::join!(refusal(setup), others_run(world));
            assert!(text.contains("/etc/group") && text.contains("groups"), "{text}");
            assert!(begun.elapsed() < PROMPT * environment::patience(), "{:?}", begun.elapsed());
        })
        .await;
    });
}

#[test]
fn lines_of_no_form_and_bytes_of_no_text_do_not_keep_a_user_from_being_found() {
    test(async |world| {
        let mut passwd = Vec::new();
        for line in [
            &b"\xff\xfe\0:::\n"[..],
            b":::::::::\n",
            b"a:b\n",
            b"\n\n",
            b"big:x:99999999999:0::/:\n",
            b"neg:x:-1:-1::/:\n",
        ] {
            passwd.extend(line);
        }
        passwd.extend("very-".repeat(10_000).as_bytes());
        passwd.extend(b"\nfound:x:1234:1234::/:/bin/sh");
        with_image(world, Layer::default().file("etc/passwd", &passwd), async |reference| {
            let setup = world.task("web").reference(reference).shell("id -u").with(|task| task.user("found"));
            assert_eq!(setup.start().await.finish().await.1.stdout_text(), "1234\n");
            for user in ["big", "neg", "a"] {
                let setup =
                    world.task("none").reference(reference).shell("true").with(move |task| task.user(user));
                assert!(refusal(setup).await.contains("user"), "{user}");
            }
        })
        .await;
    });
}
