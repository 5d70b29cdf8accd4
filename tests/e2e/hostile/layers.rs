//! Layers of images that try to write, link or remove outside of their root file system.

use std::fs;
use std::path::Path;

use e2e::image::{self, Layer, OwnImage};
use e2e::{World, test, test_with};
use nomad_proto::cty::Value;
use tar::EntryType;

use super::{Security, bind, others_run, refusal};

const SECRET: &str = "secret of the host\n";
const ROOT: &str = "../../../../../../../../../../../..";

/// A place on the host that no image may reach.
struct Outside(tempfile::TempDir);

impl Outside {
    fn new() -> Self {
        // Short, as the names in an archive are.
        let place = tempfile::Builder::new().prefix("e2e.").tempdir_in("/tmp").unwrap();
        fs::write(place.path().join("secret"), SECRET).unwrap();
        fs::create_dir(place.path().join("dir")).unwrap();
        fs::write(place.path().join("dir/kept"), SECRET).unwrap();
        Self(place)
    }

    fn path(&self) -> &str {
        self.0.path().to_str().unwrap()
    }

    fn assert_untouched(&self, what: &str) {
        let names = |path: &Path| {
            let mut names: Vec<_> =
                fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        assert_eq!(names(self.0.path()), ["dir", "secret"], "{what}");
        assert_eq!(names(&self.0.path().join("dir")), ["kept"], "{what}");
        for file in ["secret", "dir/kept"] {
            let path = self.0.path().join(file);
            assert_eq!(fs::read_to_string(&path).unwrap(), SECRET, "{what}");
            assert_eq!(std::os::unix::fs::MetadataExt::nlink(&fs::metadata(path).unwrap()), 1, "{what}");
        }
    }
}

/// Imports the layer; a task of it, if there is an image, runs a script. Gives what it printed.
async fn printed(world: &World, what: &str, layer: Layer, script: &str) -> String {
    let reference = &image::reference();
    let imported = OwnImage::with(layer).import(world.daemon(), &world.directory(), reference);
    let Err(refused) = imported else {
        let mounts = vec![bind("local", "/m/inner", &["rbind", "rw"])];
        let setup = world.task("web").reference(reference).shell(script).option("cwd", "/workdir");
        let printed = match setup.option("mounts", Value::List(mounts)).try_start().await {
            Ok(task) => task.finish().await.1.stdout_text(),
            Err(error) => {
                assert!(!error.is_disconnected(), "{what}: {error}");
                String::new()
            }
        };
        image::remove(world.daemon(), reference);
        return printed;
    };
    assert!(!refused.is_empty(), "{what}");
    String::new()
}

#[test]
fn no_entry_of_a_layer_reaches_the_host() {
    test(async |world| {
        let outside = Outside::new();
        let at = outside.path();
        let layer = Layer::default;
        let hard = |target: &str| layer().entry(EntryType::Link, "linked", target, b"");
        let cases = [
            ("a path that climbs", layer().file(&format!("{ROOT}{at}/new"), b"x")),
            ("a climbing path over a file", layer().file(&format!("{ROOT}{at}/secret"), b"x")),
            ("an absolute path", layer().file(&format!("{at}/new"), b"x")),
            ("a file through a link out", layer().link("out", at).file("out/new", b"x")),
            (
                "a file through a climbing link",
                layer().link("out", &format!("{ROOT}{at}")).file("out/secret", b"x"),
            ),
            ("a file over a link out", layer().link("out", &format!("{at}/secret")).file("out", b"x")),
            ("a link over a directory of the base", layer().link("etc", at).file("etc/new", b"x")),
            ("a hard link to the host", hard(&format!("{at}/secret"))),
            ("a climbing hard link", hard(&format!("{ROOT}{at}/secret"))),
            (
                "a hard link through a link",
                layer().link("out", at).entry(EntryType::Link, "linked", "out/secret", b""),
            ),
            ("a whiteout of what is above", layer().file(".wh...", b"")),
            ("a whiteout of itself", layer().file("etc/.wh..", b"")),
            ("a whiteout through a link", layer().link("out", at).file("out/.wh.secret", b"")),
            ("an opaque directory through a link", layer().link("out", at).file("out/.wh..wh..opq", b"")),
            ("a climbing whiteout", layer().file(&format!("{ROOT}{at}/.wh.secret"), b"")),
            ("a whiteout of nothing", layer().file(".wh.", b"")),
            ("an entry without a name", layer().file("", b"x")),
            ("the root as a file", layer().file(".", b"x")),
            ("the root as a link", layer().link("./", at)),
            ("a kind that there is not", layer().entry(EntryType::new(b'Z'), "odd", "", b"x")),
        ];
        for (what, layer) in cases {
            let script = format!(
                "cat /linked /out/secret /out /etc/secret {at}/secret {at}/dir/kept 2>/dev/null; echo end"
            );
            let printed = printed(world, what, layer, &script).await;
            assert!(!printed.contains("secret of the host"), "{what}: {printed}");
            outside.assert_untouched(what);
        }
        others_run(world).await;
    });
}

#[test]
fn links_in_the_place_of_what_is_mounted_lead_into_the_task_alone() {
    test_with(Security::Strict.setup(), async |world| {
        let outside = Outside::new();
        let at = outside.path();
        let sets: [&[&str]; 6] = [
            &[
                "etc/hosts",
                "etc/resolv.conf",
                "etc/hostname",
                "alloc",
                "local",
                "secrets",
                "run",
                "m",
                "work",
            ],
            &["etc"],
            &["dev/shm", "dev/pts", "dev/mqueue", "dev/console", "dev/ptmx", "proc/self", "sys/fs"],
            &["dev"],
            &["proc"],
            &["sys"],
        ];
        for names in sets {
            for target in [at.to_owned(), format!("{ROOT}{at}/new")] {
                let what = format!("{names:?} -> {target}");
                let layer = names.iter().fold(Layer::default(), |layer, name| layer.link(name, &target));
                let script = "echo x > /etc/hosts; echo x > /m/new; echo x > /workdir/new; echo end";
                printed(world, &what, layer, script).await;
                outside.assert_untouched(&what);
            }
        }
        let dev = OwnImage::with(Layer::default().link("dev", at));
        let reference = image::reference();
        dev.import(world.daemon(), &world.directory(), &reference).unwrap();
        let text = refusal(world.task("web").reference(&reference).shell("true")).await;
        assert!(text.contains(r#""/dev" of the image is a symbolic link"#), "{text}");
        image::remove(world.daemon(), &reference);
        others_run(world).await;
    });
}

#[test]
fn device_nodes_and_set_id_programs_of_an_image_give_nothing() {
    for security in [Security::Strict, Security::Default] {
        test_with(security.setup(), async |world| {
            let layer = Layer::default()
                .device(EntryType::Char, "kmsg", (1, 11))
                .device(EntryType::Char, "mem", (1, 1))
                .device(EntryType::Block, "disk", (7, 0))
                .device(EntryType::Char, "loops", (10, 237))
                .device(EntryType::Char, "whiteout", (0, 0));
            let script = "for d in /kmsg /mem /disk /loops; do ( : < $d ) 2>/dev/null && echo opened $d; done; echo end";
            let printed = printed(world, "device nodes", layer, script).await;
            assert!(["", "end\n"].contains(&printed.as_str()), "{printed}");
        });
    }
}
