//! Tests of image configurations.

use super::super::model::Descriptor;
use super::*;

fn manifest(layers: usize) -> Manifest {
    let config = Descriptor { digest: "sha256:cc".into(), ..Descriptor::default() };
    Manifest { config, layers: vec![Descriptor::default(); layers], ..Manifest::default() }
}

fn digest(digit: &str) -> String {
    format!("sha256:{}", digit.repeat(64))
}

fn run(config: &str) -> RunConfig {
    ImageConfig::parse(&manifest(0), format!("{{\"config\":{config}}}").as_bytes()).unwrap().config
}

#[test]
fn nulls_in_a_configuration_mean_nothing_is_said() {
    let run = run(r#"{"Entrypoint":null,"Cmd":["sh"],"Env":null,"Volumes":null,"User":null}"#);
    assert_eq!(run, RunConfig { cmd: vec!["sh".into()], ..RunConfig::default() });
    let nothing = r#"{"architecture":"amd64","os":"linux","config":null,"rootfs":{"type":"layers","diff_ids":null},"history":null}"#;
    let config = ImageConfig::parse(&manifest(0), nothing.as_bytes()).unwrap();
    assert_eq!((config.config, config.rootfs), (RunConfig::default(), Layers::default()));
    assert_eq!(config.platform.architecture, "amd64");
}

#[test]
fn keys_have_no_case() {
    let run = run(r#"{"user":"app","ENV":["A=1"],"workingDir":"/srv","stopsignal":"SIGINT","CMD":["a"]}"#);
    let expected = RunConfig {
        user: "app".into(),
        env: vec!["A=1".into()],
        working_dir: "/srv".into(),
        stop_signal: "SIGINT".into(),
        cmd: vec!["a".into()],
        ..RunConfig::default()
    };
    assert_eq!(run, expected);
}

#[test]
fn an_entry_point_of_one_empty_text_is_none() {
    assert!(run(r#"{"Entrypoint":[""],"Cmd":["sh"]}"#).entrypoint.is_empty());
    assert_eq!(run(r#"{"Entrypoint":["",""]}"#).entrypoint, ["", ""]);
}

#[test]
fn volumes_are_sorted() {
    assert_eq!(
        run(r#"{"Volumes":{"/seeded":{},"/Data":{},"/data":null}}"#).volumes,
        ["/Data", "/data", "/seeded"]
    );
}

#[test]
fn a_configuration_that_tells_of_other_layers_is_refused() {
    let error = ImageConfig::parse(&manifest(1), br#"{"rootfs":{"diff_ids":[]}}"#).unwrap_err();
    assert_eq!(error, ModelError::LayerCount { layers: 1, diff_ids: 0 });
}

#[test]
fn unpacked_layers_have_digests() {
    let parse = |diff_id: &str| {
        let text = format!(r#"{{"rootfs":{{"diff_ids":["{diff_id}"]}}}}"#);
        ImageConfig::parse(&manifest(1), text.as_bytes())
    };
    assert!(parse(&digest("a")).is_ok());
    for none in ["", "web-1234", "sha256:aa", "../x"] {
        assert!(matches!(parse(none), Err(ModelError::Digest { .. })), "{none}");
    }
}

#[test]
fn absurd_configurations_are_refused() {
    let env = format!(r#"{{"config":{{"Env":[{}""]}}}}"#, r#""","#.repeat(MAX_ENTRIES));
    let error = ImageConfig::parse(&manifest(0), env.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("more than 10000 variables in Env"), "{error}");
}

#[test]
fn chain_ids_are_those_of_the_specification() {
    assert!(chain_ids(&[]).is_empty());
    let chain = chain_ids(&["sha256:aa".into(), "sha256:bb".into()]);
    assert_eq!(chain[0], "sha256:aa");
    assert_eq!(chain[1], digest_of(b"sha256:aa sha256:bb"));
}
