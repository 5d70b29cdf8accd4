//! What a client makes of `auth`, decoded.

use nomad_proto::cty::{self, Value};
use nomad_proto::hclspec::evaluate;

use super::*;
use crate::options::{plugin, schema, task};

/// What a client makes of the block in a job, decoded.
fn of_task(auth: Value) -> Result<Option<Credentials>, String> {
    let body = Value::from([("image", Value::from("redis:7")), ("auth", auth)]);
    let config = evaluate(&schema(&task::OPTIONS), &body).map_err(|error| error.to_string())?;
    task::decode(&cty::encode(&config).unwrap())
        .map(|options| options.auth)
        .map_err(|error| error.to_string())
}

/// The same of the plugin's.
fn of_plugin(auth: Value) -> Result<Option<Credentials>, String> {
    let config =
        evaluate(&schema(&plugin::OPTIONS), &[("auth", auth)].into()).map_err(|error| error.to_string())?;
    plugin::decode(&cty::encode(&config).unwrap())
        .map(|config| config.auth)
        .map_err(|error| error.to_string())
}

#[test]
fn the_go_drivers_and_dockers_blocks_are_read_in_jobs_and_in_the_plugins_configuration() {
    let go = || Value::from([("username", "alice"), ("password", "hunter2")]);
    let docker = || {
        Value::from([
            ("username", Value::from("alice")),
            ("password", 4711.into()),
            ("email", "alice@example.com".into()),
            ("server_address", "registry.example.com".into()),
        ])
    };
    for read in [of_task, of_plugin] {
        assert_eq!(read(go()), Ok(Some(Credentials::new("alice", "hunter2", ""))));
        assert_eq!(read(Value::List(vec![go()])), Ok(Some(Credentials::new("alice", "hunter2", ""))));
        assert_eq!(read(docker()), Ok(Some(Credentials::new("alice", "4711", "registry.example.com"))));
        let empty = || Value::from([("username", ""), ("password", "")]);
        for none in [Value::Nil, Value::List(Vec::new()), Value::Map(cty::Map::new()), empty()] {
            assert_eq!(read(none), Ok(None));
        }
    }
}

#[test]
fn what_is_podmans_and_dockers_is_known_and_refused_where_it_would_be_something_else() {
    let with = |key, value: Value| {
        Value::from([("username", Value::from("alice")), ("password", "hunter2".into()), (key, value)])
    };
    let alice = Ok(Some(Credentials::new("alice", "hunter2", "")));
    assert_eq!(of_task(with("tls_verify", true.into())), alice);
    for key in ["config", "helper"] {
        assert_eq!(of_plugin(with(key, "".into())), alice);
    }
    let refused = [
        of_task(with("tls_verify", false.into())),
        of_task([("tls_verify", false)].into()),
        of_plugin(with("config", "/etc/docker.json".into())),
        of_plugin([("helper", "ecr-login")].into()),
    ]
    .map(|read| read.unwrap_err());
    expect_test::expect![[r#"
        auth.tls_verify = false: not supported; TLS certificates are always verified, so remove it or set true
        auth.tls_verify = false: not supported; TLS certificates are always verified, so remove it or set true
        auth.config = "/etc/docker.json": not supported yet; set username and password, here or in the job's auth
        auth.helper = "ecr-login": not supported yet; set username and password, here or in the job's auth"#]].assert_eq(&refused.join("\n"));
}

#[test]
fn half_credentials_and_ones_that_cannot_be_sent_are_refused_without_the_password() {
    let refused = [
        of_task([("username", "alice")].into()),
        of_task([("username", "alice"), ("password", "")].into()),
        of_plugin([("password", "hunter2")].into()),
        of_task([("username", ""), ("password", "hunter2")].into()),
        of_task([("username", "al:hunter2"), ("password", "hunter2")].into()),
        of_plugin(
            [
                ("username", "alice"),
                ("password", "x"),
                ("server_address", "https://al:hunter2@r.example.com"),
            ]
            .into(),
        ),
        of_plugin([("username", "alice"), ("password", "hunter2\n")].into()),
        of_task([("username", "alice"), ("pasword", "hunter2")].into()),
        of_task(Value::List(vec![[("username", "alice")].into(), [("password", "hunter2")].into()])),
    ]
    .map(|read| read.unwrap_err());
    expect_test::expect![[r#"
        auth.username = [redacted]: needs a password; set auth.password too
        auth.username = [redacted]: needs a password; set auth.password too
        auth.password = [redacted]: needs a user; set auth.username too
        auth.password = [redacted]: needs a user; set auth.username too
        auth.username = [redacted]: must not contain colons or control characters
        auth.server_address = [redacted]: must be host or host:port, without a user
        auth.password = [redacted]: must not contain control characters, such as a line break
        unknown option "auth.pasword"; did you mean "password"?
        the block "auth" appears 2 times, but must appear at most once"#]]
    .assert_eq(&refused.join("\n"));
}

#[test]
fn what_no_client_sends_is_refused_without_the_password_too() {
    let decoded = |auth: Value| {
        let body = Value::from([("image", Value::from("redis:7")), ("auth", auth)]);
        task::decode(&cty::encode(&body).unwrap()).unwrap_err().to_string()
    };
    let refused = [
        decoded([("password", vec!["hunter2"])].into()),
        decoded([("password", true)].into()),
        decoded("alice:hunter2".into()),
    ];
    expect_test::expect![[r#"
        auth.password = [redacted]: must be a string
        auth.password = [redacted]: must be a string
        auth = a string: must be one block"#]]
    .assert_eq(&refused.join("\n"));
}
