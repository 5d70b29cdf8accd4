//! Whole bodies against whole schemas.

use expect_test::{Expect, expect};

use super::*;
use crate::cty::Value;

fn ty(text: &str) -> Type {
    text.parse().unwrap()
}

fn schema() -> Spec {
    object([
        ("image", attr("image", &Type::String, true)),
        ("args", attr("args", &ty("list(string)"), false)),
        ("entrypoint", attr("entrypoint", &Type::Any, false)),
        ("host_network", default(attr("host_network", &Type::Bool, false), "false")),
        ("driver", default(attr("driver", &Type::String, false), r#""runc""#)),
        ("labels", attr("labels", &ty("list(map(string))"), false)),
        ("auth", block("auth", false, object([("username", attr("username", &Type::String, false))]))),
        ("mounts", block_list("mounts", object([("source", attr("source", &Type::String, true))]))),
        ("sysctl", block_attrs("sysctl", &Type::Number, false)),
    ])
}

fn check(body: impl Into<Value>, expected: Expect) {
    let shown = match evaluate(&schema(), &body.into()) {
        Ok(value) => format!("{:?}", value.as_map().unwrap()),
        Err(error) => error.to_string(),
    };
    expected.assert_eq(&shown);
}

fn with_image(key: &str, value: impl Into<Value>) -> Value {
    [("image", Value::from("redis")), (key, value.into())].into()
}

#[test]
fn every_key_of_the_schema_is_in_the_result() {
    check(
        [("image", "redis")],
        expect![[
            r#"{"args": Nil, "auth": Nil, "driver": String("runc"), "entrypoint": Nil, "host_network": Bool(false), "image": String("redis"), "labels": Nil, "mounts": List([]), "sysctl": Nil}"#
        ]],
    );
}

#[test]
fn a_full_body_is_converted() {
    let body = Value::from([
        ("image", Value::from("redis")),
        ("args", vec![Value::from("-p"), Value::from(6379)].into()),
        ("entrypoint", vec!["/bin/sh"].into()),
        ("host_network", "true".into()),
        ("labels", vec![Value::from([("a", 1)])].into()),
        ("auth", vec![Value::from([("username", "me")])].into()),
        ("mounts", vec![Value::from([("source", "/a")]), Value::from([("source", "/b")])].into()),
        ("sysctl", vec![Value::from([("net.core.somaxconn", "16384")])].into()),
    ]);
    check(
        body,
        expect![[
            r#"{"args": List([String("-p"), String("6379")]), "auth": Map({"username": String("me")}), "driver": String("runc"), "entrypoint": List([String("/bin/sh")]), "host_network": Bool(true), "image": String("redis"), "labels": List([Map({"a": String("1")})]), "mounts": List([Map({"source": String("/a")}), Map({"source": String("/b")})]), "sysctl": Map({"net.core.somaxconn": Int(16384)})}"#
        ]],
    );
}

#[test]
fn a_single_block_may_arrive_without_its_list() {
    let value = evaluate(&schema(), &with_image("auth", [("username", "me")])).unwrap();
    assert_eq!(value.as_map().unwrap()["auth"], [("username", "me")].into());
}

#[test]
fn errors_name_the_option_the_value_and_what_is_accepted() {
    check([("imge", "redis")], expect![[r#"unknown option "imge"; did you mean "image"?"#]]);
    check(
        [("ports", "redis")],
        expect![[
            r#"unknown option "ports"; known are args, auth, driver, entrypoint, host_network, image, labels, mounts, sysctl"#
        ]],
    );
    check(Value::Nil, expect![[r#"the option "image" is required"#]]);
    check(with_image("args", "-p"), expect![[r#"the option "args" is "-p", but must be list(string)"#]]);
    check(
        with_image("args", vec![Value::from(vec!["-p"])]),
        expect![[r#"the option "args[0]" is a list, but must be string"#]],
    );
    check(
        with_image("host_network", "yes"),
        expect![[r#"the option "host_network" is "yes", but must be bool"#]],
    );
    check(
        with_image("mounts", vec![Value::from([("source", "/a")]), Value::from([("sorce", "/b")])]),
        expect![[r#"unknown option "mounts[1].sorce"; did you mean "source"?"#]],
    );
    check(
        with_image("mounts", vec![Value::Map([].into())]),
        expect![[r#"the option "mounts[0].source" is required"#]],
    );
    check(
        with_image("auth", vec![Value::from([("username", "a")]), Value::from([("username", "b")])]),
        expect![[r#"the block "auth" appears 2 times, but must appear at most once"#]],
    );
    check(with_image("auth", "me"), expect![[r#"the option "auth" is a string, but must be a block"#]]);
}

#[test]
fn labelled_blocks_become_levels_of_maps() {
    let spec = object([(
        "log",
        Spec {
            block: Some(Kind::BlockMap(Box::new(pb::BlockMap {
                name: String::new(),
                labels: vec!["kind".to_owned(), "name".to_owned()],
                nested: Some(Box::new(object([("level", attr("level", &Type::String, false))]))),
            }))),
        },
    )]);
    let body = Value::from([("log", [("file", [("main", [("level", "info")])])])]);
    assert_eq!(evaluate(&spec, &body).unwrap(), body);
    let absent = evaluate(&spec, &Value::Nil).unwrap();
    assert_eq!(absent, [("log", Value::Map([].into()))].into());
}

#[test]
fn bounds_on_repeated_blocks_hold() {
    let limited = |min_items, max_items| {
        let nested = Some(Box::new(object::<String>([])));
        let list = pb::BlockList { name: "a".to_owned(), min_items, max_items, nested };
        object([("a", Spec { block: Some(Kind::BlockList(Box::new(list))) })])
    };
    let blocks = |number: usize| Value::from([("a", Value::List(vec![Value::Map([].into()); number]))]);
    assert!(evaluate(&limited(2, 3), &blocks(2)).is_ok());
    assert!(evaluate(&limited(2, 3), &blocks(1)).is_err());
    assert!(evaluate(&limited(2, 3), &blocks(4)).is_err());
    assert!(matches!(evaluate(&limited(1, 0), &blocks(0)), Err(EvaluateError::Missing { .. })));
}

#[test]
fn a_broken_schema_is_named_as_such() {
    let text = |spec: Spec| evaluate(&object([("a", spec)]), &Value::Nil).unwrap_err().to_string();
    expect![[r#"the plugin's schema is broken at "a": an empty spec"#]]
        .assert_eq(&text(Spec { block: None }));
    expect![[r#"the plugin's schema is broken at "a""#]].assert_eq(&text(literal("text")));
    let deep = (0..100).fold(object::<String>([]), |spec, _| object([("a", spec)]));
    assert!(matches!(evaluate(&deep, &Value::Nil), Err(EvaluateError::Schema { .. })));
}
