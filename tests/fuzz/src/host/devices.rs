//! Specification files of the Container Device Interface, as JSON and as YAML.

use linux_host::cdi::{Catalogue, CdiError, Name};

use super::with_directory;
use crate::target::Target;

pub(crate) const CDI: Target = Target {
    name: "cdi",
    run,
    seeds: || {
        let json = br#"{"cdiVersion":"0.6.0","kind":"vendor.com/class","annotations":{"a":"b"},"devices":[{"name":"one",
            "containerEdits":{"env":["A=b"],"deviceNodes":[{"path":"/dev/x","hostPath":"/dev/y","type":"c","major":1,
            "minor":3,"fileMode":438,"permissions":"rw","uid":0,"gid":0}],"additionalGids":[5]}}],"containerEdits":{
            "mounts":[{"hostPath":"/a","containerPath":"/b","options":["ro"],"type":"bind"}],"hooks":[{"hookName":
            "createContainer","path":"/bin/hook","args":["hook"],"env":["C=d"],"timeout":5}]}}"#;
        let yaml =
            b"cdiVersion: \"0.5.0\"\nkind: vendor.com/class\ndevices:\n- name: one\n  containerEdits:\n    \
            deviceNodes:\n    - path: /dev/x\n      type: u\n    env: &e [A=b]\ncontainerEdits:\n  env: *e\n";
        vec![json.to_vec(), yaml.to_vec()]
    },
    longest: 4096,
};

/// What a device needs is no more than its file has, and a file that can not be used is told in few words.
fn run(bytes: &[u8]) -> bool {
    // Both could have the device then, which is a conflict of its own.
    ["json", "yaml"].map(|end| read(bytes, end)).contains(&true)
}

fn read(bytes: &[u8], end: &str) -> bool {
    let catalogue = with_directory(|dir| {
        let dir = dir.join(end);
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("a").with_extension(end), bytes).unwrap();
        Catalogue::read(&[&dir])
    });
    let name = Name::from_text("vendor.com/class=one").unwrap();
    let mut used = Vec::new();
    match catalogue.edits(&name, &mut used) {
        Ok(edits) => {
            let again = catalogue.edits(&name, &mut used).unwrap();
            assert!(again.env.len() <= edits.env.len() && again.mounts.len() <= edits.mounts.len());
            assert!(edits.env.iter().all(|variable| !variable.name.is_empty()));
            true
        }
        Err(error @ CdiError::Unknown { .. }) => {
            let told = error.to_string();
            assert!(told.len() < 2048 + 8 * bytes.len(), "{} bytes", told.len());
            false
        }
        Err(CdiError::Unsupported { .. }) => false,
        Err(error) => panic!("{error}"),
    }
}
