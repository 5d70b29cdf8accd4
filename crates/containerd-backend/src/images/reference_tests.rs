//! Tests of image references.

use proptest::prelude::*;

use super::*;

const DIGEST: &str = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

fn full(text: &str) -> String {
    Reference::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).to_string()
}

#[test]
fn familiar_names_are_completed_as_docker_completes_them() {
    assert_eq!(full("redis"), "docker.io/library/redis:latest");
    assert_eq!(full("redis:7"), "docker.io/library/redis:7");
    assert_eq!(full("bitnami/redis"), "docker.io/bitnami/redis:latest");
    assert_eq!(full("docker.io/redis"), "docker.io/library/redis:latest");
    assert_eq!(full("index.docker.io/library/redis:7"), "docker.io/library/redis:7");
    assert_eq!(full("ghcr.io/owner/app:v1.2"), "ghcr.io/owner/app:v1.2");
}

#[test]
fn a_colon_before_a_slash_is_a_port() {
    assert_eq!(full("localhost:5000/app"), "localhost:5000/app:latest");
    assert_eq!(full("127.0.0.1:5000/a/b:1"), "127.0.0.1:5000/a/b:1");
    assert_eq!(full("registry:5000/app:5000"), "registry:5000/app:5000");
    assert_eq!(full("[::1]:5000/app"), "[::1]:5000/app:latest");
    assert_eq!(full("localhost/app"), "localhost/app:latest");
    assert_eq!(full("Registry/app"), "Registry/app:latest");
}

#[test]
fn a_digest_wins_over_a_tag() {
    assert_eq!(full(&format!("redis@{DIGEST}")), format!("docker.io/library/redis@{DIGEST}"));
    assert_eq!(full(&format!("h:1/redis:7@{DIGEST}")), format!("h:1/redis@{DIGEST}"));
}

#[test]
fn separators_are_single_dots_one_or_two_underscores_or_dashes() {
    for name in ["a.b", "a_b", "a__b", "a-b", "a---b", "a0/b.c/d_e"] {
        assert!(Reference::parse(name).is_ok(), "{name}");
    }
    for name in ["a..b", "a___b", "a._b", "-a", "a-", "a//b", "/a", "a/", "A", "a b", "ä"] {
        assert!(Reference::parse(name).is_err(), "{name}");
    }
}

#[test]
fn what_is_wrong_is_named() {
    let error = |text: &str| Reference::parse(text).unwrap_err();
    assert_eq!(error(""), ReferenceError::Empty);
    assert_eq!(error(":7"), ReferenceError::Empty);
    assert_eq!(error("redis:"), ReferenceError::Tag(String::new()));
    assert_eq!(error("redis:.x"), ReferenceError::Tag(".x".into()));
    assert_eq!(error("Redis"), ReferenceError::Repository("library/Redis".into()));
    assert_eq!(error("a.b:x/c"), ReferenceError::Domain("a.b:x".into()));
    assert_eq!(error("redis@sha256:00"), ReferenceError::Digest("sha256:00".into()));
    assert_eq!(error(&DIGEST[7..]), ReferenceError::ImageId(DIGEST[7..].into()));
    assert_eq!(error(&"a".repeat(300)), ReferenceError::TooLong);
}

proptest! {
    #[test]
    fn nothing_makes_the_parser_panic(text in "\\PC{0,80}") {
        let _ = Reference::parse(&text);
    }

    #[test]
    fn a_full_name_reads_as_itself(
        domain in "([a-z0-9]{1,8}\\.[a-z]{2,3}|localhost)(:[0-9]{1,5})?",
        repository in "[a-z0-9]{1,8}((\\.|_|__|-{1,3})[a-z0-9]{1,5})?/[a-z0-9]{1,8}",
        tag in "[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}",
        by_digest in any::<bool>(),
    ) {
        let text = if by_digest {
            format!("{domain}/{repository}@{DIGEST}")
        } else {
            format!("{domain}/{repository}:{tag}")
        };
        let reference = Reference::parse(&text).unwrap();
        prop_assert_eq!(reference.to_string(), text);
        prop_assert_eq!(reference.domain(), domain);
        prop_assert_eq!(reference.repository(), repository);
    }

    #[test]
    fn completing_is_done_once(text in "[a-zA-Z0-9.:/@_-]{1,40}") {
        if let Ok(reference) = Reference::parse(&text) {
            prop_assert_eq!(Reference::parse(&reference.to_string()).unwrap(), reference);
        }
    }
}
