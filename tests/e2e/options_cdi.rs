//! Devices by their names of the Container Device Interface, used inside the container.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use e2e::test;

const DIRECTORY: &str = "/var/run/cdi";

/// A specification of this test alone; it is taken away however the test ends.
struct Specification {
    kind: String,
    file: PathBuf,
}

impl Specification {
    fn new(class: &str, edits: &str) -> Self {
        let kind = format!("vendor{}.test/{class}", std::process::id());
        let file = Path::new(DIRECTORY).join(format!("{}.yaml", kind.replace('/', "-")));
        let specification = Self { kind, file };
        let text = format!(
            "cdiVersion: 0.6.0\nkind: {}\ndevices:\n- name: one\n  containerEdits: {{}}\ncontainerEdits:\n{edits}",
            specification.kind
        );
        // Another run of the tests may take the empty directory away, and another test may read what is in it.
        let new = specification.file.with_extension("new");
        loop {
            std::fs::create_dir_all(DIRECTORY).unwrap();
            match std::fs::write(&new, &text).and_then(|()| std::fs::rename(&new, &specification.file)) {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                other => break other.unwrap(),
            }
        }
        specification
    }

    fn device(&self, name: &str) -> Vec<String> {
        vec![format!("{}={name}", self.kind)]
    }
}

impl Drop for Specification {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
        // It stays where somebody else uses it.
        let _ = std::fs::remove_dir(DIRECTORY);
    }
}

#[test]
fn a_device_comes_with_its_node_variable_mount_and_hook() {
    let host = tempfile::tempdir().unwrap();
    std::fs::write(host.path().join("library"), "of the vendor").unwrap();
    let (library, touched) = (host.path().join("library"), host.path().join("touched"));
    let edits = format!(
        r#"
  env: [VENDOR_DEVICE=one=1]
  deviceNodes:
  - {{path: /dev/vendor0, hostPath: /dev/null, permissions: rw}}
  mounts:
  - {{hostPath: {library:?}, containerPath: /usr/lib/vendor, options: [ro, nosuid, rbind, rprivate]}}
  hooks:
  - {{hookName: createRuntime, path: /bin/touch, args: [touch, {touched:?}]}}
"#
    );
    let specification = Specification::new("gpu", &edits);
    test(async |world| {
        let setup = world.task("web").shell("sleep 1000").option("devices", specification.device("one"));
        let task = setup.start().await;
        let node = task.read("echo x >/dev/vendor0 && ls -ln /dev/vendor0").await;
        let node: Vec<_> = node.split_whitespace().collect();
        assert_eq!(node[..6], ["crw-rw-rw-", "1", "0", "0", "1,", "3"]);
        assert_eq!(task.read("echo $VENDOR_DEVICE; cat /usr/lib/vendor").await, "one=1\nof the vendor");
        let refused = task.read("{ echo x >/usr/lib/vendor; } 2>&1 || true").await;
        assert!(refused.contains("Read-only file system"), "{refused}");
        assert!(touched.exists(), "the hook ran while the container was made");
    });
}

#[test]
fn a_device_that_no_specification_has_is_refused_with_those_that_there_are() {
    let specification = Specification::new("nic", "  env: []\n");
    test(async |world| {
        let wanted = specification.device("two");
        let told = format!(
            "devices = {:?} can not be used: no specification of the Container Device Interface has this device \
             (accepted: ",
            wanted[0]
        );
        let text = world.task("web").shell("true").option("devices", wanted).refusal().await;
        assert!(text.starts_with(&told), "{text}");
    });
}
