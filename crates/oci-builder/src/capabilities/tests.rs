//! Capability arithmetic, held against Docker's rules.

use expect_test::expect;
use oci_spec::runtime::Capability;
use proptest::prelude::*;

use super::{CapabilityError, CapabilityRequest, CapabilitySet};
use crate::Privilege;
use crate::testing::check;

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn confined(add: &[&str], drop: &[&str], bounding: CapabilitySet) -> Result<CapabilitySet, CapabilityError> {
    let (add, drop) = (names(add), names(drop));
    CapabilityRequest { privilege: Privilege::Confined, add: &add, drop: &drop }.resolve(bounding)
}

fn privileged(
    add: &[&str],
    drop: &[&str],
    bounding: CapabilitySet,
) -> Result<CapabilitySet, CapabilityError> {
    let (add, drop) = (names(add), names(drop));
    CapabilityRequest { privilege: Privilege::Privileged, add: &add, drop: &drop }.resolve(bounding)
}

#[test]
fn who_asks_for_nothing_has_the_14_of_docker() {
    let set = confined(&[], &[], CapabilitySet::ALL).unwrap();
    assert_eq!(set, CapabilitySet::DEFAULT);
    expect![
        "CAP_AUDIT_WRITE, CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID, CAP_KILL, CAP_MKNOD, CAP_NET_BIND_SERVICE, CAP_NET_RAW, CAP_SETFCAP, CAP_SETGID, CAP_SETPCAP, CAP_SETUID, CAP_SYS_CHROOT"
    ]
    .assert_eq(&set.to_string());
}

#[test]
fn names_come_in_any_case_with_or_without_the_prefix() {
    for name in ["NET_ADMIN", "net_admin", "CAP_NET_ADMIN", "cap_net_admin", "Cap_Net_Admin"] {
        let set = confined(&[name], &["all"], CapabilitySet::ALL).unwrap();
        assert_eq!(set, CapabilitySet::of(&[Capability::NetAdmin]), "{name}");
    }
    for all in ["all", "ALL", "All", "CAP_ALL"] {
        assert_eq!(confined(&[all], &[], CapabilitySet::ALL), Ok(CapabilitySet::ALL), "{all}");
    }
}

#[test]
fn everything_can_be_dropped_and_some_added_back() {
    let set = confined(&["chown", "kill"], &["all"], CapabilitySet::ALL).unwrap();
    expect!["CAP_CHOWN, CAP_KILL"].assert_eq(&set.to_string());
    assert_eq!(confined(&[], &["all"], CapabilitySet::ALL), Ok(CapabilitySet::EMPTY));
}

#[test]
fn everything_can_be_added_and_some_dropped() {
    let set = confined(&["all"], &["sys_module"], CapabilitySet::ALL).unwrap();
    assert_eq!(CapabilitySet::ALL.difference(set), CapabilitySet::of(&[Capability::SysModule]));
    assert_eq!(confined(&["all"], &["all"], CapabilitySet::ALL), Ok(CapabilitySet::ALL));
}

#[test]
fn what_is_dropped_and_added_is_added() {
    assert_eq!(confined(&["chown"], &["chown"], CapabilitySet::ALL), Ok(CapabilitySet::DEFAULT));
}

#[test]
fn a_privileged_task_has_what_the_host_has_but_what_it_drops() {
    let bounding = CapabilitySet::DEFAULT.union(CapabilitySet::of(&[Capability::SysAdmin]));
    assert_eq!(privileged(&[], &[], bounding), Ok(bounding));
    assert_eq!(privileged(&[], &["sys_admin"], bounding), Ok(CapabilitySet::DEFAULT));
}

#[test]
fn what_the_host_lacks_is_an_error_only_when_it_is_named() {
    let bounding = CapabilitySet::of(&[Capability::Chown]);
    assert_eq!(confined(&[], &[], bounding), Ok(bounding));
    assert_eq!(confined(&["all"], &["sys_admin"], bounding), Ok(bounding));
    expect![
        "cap_add: this host can not give CAP_NET_ADMIN, CAP_SYS_ADMIN (accepted: what is in its bounding set)"
    ]
    .assert_eq(&confined(&["sys_admin", "chown", "net_admin"], &[], bounding).unwrap_err().to_string());
}

#[test]
fn an_unknown_name_is_told_with_its_option() {
    expect![[r#"cap_drop: "NET ADMIN" is not a capability (accepted: "all", or a name such as NET_ADMIN in any case, with or without CAP_)"#]]
        .assert_eq(&confined(&[], &["NET ADMIN"], CapabilitySet::ALL).unwrap_err().to_string());
    assert_eq!(
        CapabilitySet::from_names("allow_caps", &["", "chown"]),
        Err(CapabilityError::Unknown { option: "allow_caps", name: String::new() })
    );
}

#[test]
fn the_set_is_the_processs_bounding_permitted_and_effective_one() {
    check(
        |plan| plan.capabilities = CapabilitySet::of(&[Capability::SysTime]),
        expect![[r#"
            ~ process.capabilities.bounding.0: "CAP_AUDIT_WRITE" => "CAP_SYS_TIME"
            - process.capabilities.bounding.1: "CAP_CHOWN"
            - process.capabilities.bounding.2: "CAP_DAC_OVERRIDE"
            - process.capabilities.bounding.3: "CAP_FOWNER"
            - process.capabilities.bounding.4: "CAP_FSETID"
            - process.capabilities.bounding.5: "CAP_KILL"
            - process.capabilities.bounding.6: "CAP_MKNOD"
            - process.capabilities.bounding.7: "CAP_NET_BIND_SERVICE"
            - process.capabilities.bounding.8: "CAP_NET_RAW"
            - process.capabilities.bounding.9: "CAP_SETFCAP"
            - process.capabilities.bounding.10: "CAP_SETGID"
            - process.capabilities.bounding.11: "CAP_SETPCAP"
            - process.capabilities.bounding.12: "CAP_SETUID"
            - process.capabilities.bounding.13: "CAP_SYS_CHROOT"
            ~ process.capabilities.effective.0: "CAP_AUDIT_WRITE" => "CAP_SYS_TIME"
            - process.capabilities.effective.1: "CAP_CHOWN"
            - process.capabilities.effective.2: "CAP_DAC_OVERRIDE"
            - process.capabilities.effective.3: "CAP_FOWNER"
            - process.capabilities.effective.4: "CAP_FSETID"
            - process.capabilities.effective.5: "CAP_KILL"
            - process.capabilities.effective.6: "CAP_MKNOD"
            - process.capabilities.effective.7: "CAP_NET_BIND_SERVICE"
            - process.capabilities.effective.8: "CAP_NET_RAW"
            - process.capabilities.effective.9: "CAP_SETFCAP"
            - process.capabilities.effective.10: "CAP_SETGID"
            - process.capabilities.effective.11: "CAP_SETPCAP"
            - process.capabilities.effective.12: "CAP_SETUID"
            - process.capabilities.effective.13: "CAP_SYS_CHROOT"
            ~ process.capabilities.permitted.0: "CAP_AUDIT_WRITE" => "CAP_SYS_TIME"
            - process.capabilities.permitted.1: "CAP_CHOWN"
            - process.capabilities.permitted.2: "CAP_DAC_OVERRIDE"
            - process.capabilities.permitted.3: "CAP_FOWNER"
            - process.capabilities.permitted.4: "CAP_FSETID"
            - process.capabilities.permitted.5: "CAP_KILL"
            - process.capabilities.permitted.6: "CAP_MKNOD"
            - process.capabilities.permitted.7: "CAP_NET_BIND_SERVICE"
            - process.capabilities.permitted.8: "CAP_NET_RAW"
            - process.capabilities.permitted.9: "CAP_SETFCAP"
            - process.capabilities.permitted.10: "CAP_SETGID"
            - process.capabilities.permitted.11: "CAP_SETPCAP"
            - process.capabilities.permitted.12: "CAP_SETUID"
            - process.capabilities.permitted.13: "CAP_SYS_CHROOT"
        "#]],
    );
}

/// Docker's rules word by word over lists of names, as the arithmetic is documented there.
fn docker(add: &[Capability], add_all: bool, drop: &[Capability], drop_all: bool) -> Vec<Capability> {
    let mut list: Vec<Capability> = Vec::new();
    if add_all {
        list.extend(CapabilitySet::ALL.iter().filter(|one| !drop.contains(one)));
    } else {
        if !drop_all {
            list.extend(CapabilitySet::DEFAULT.iter().filter(|one| !drop.contains(one)));
        }
        list.extend(add);
    }
    list
}

fn some() -> impl Strategy<Value = Vec<Capability>> {
    prop::collection::vec(prop::sample::select(CapabilitySet::ALL.iter().collect::<Vec<_>>()), 0..8)
}

fn spelt(list: &[Capability], all: bool, lower: bool) -> Vec<String> {
    let spell = |name: String| if lower { name.to_lowercase() } else { format!("CAP_{name}") };
    list.iter().map(ToString::to_string).chain(all.then(|| "ALL".to_owned())).map(spell).collect()
}

proptest! {
    #[test]
    fn the_result_is_dockers(
        add in some(), add_all: bool, drop in some(), drop_all: bool, lower: bool,
    ) {
        let request = CapabilityRequest {
            privilege: Privilege::Confined,
            add: &spelt(&add, add_all, lower),
            drop: &spelt(&drop, drop_all, lower),
        };
        let expected: CapabilitySet = docker(&add, add_all, &drop, drop_all).into_iter().collect();
        prop_assert_eq!(request.resolve(CapabilitySet::ALL), Ok(expected));
    }

    #[test]
    fn nobody_gets_what_the_host_does_not_have(
        add in some(), drop in some(), has in some(), all: bool, privileged: bool,
    ) {
        let bounding: CapabilitySet = has.into_iter().collect();
        let privilege = if privileged { Privilege::Privileged } else { Privilege::Confined };
        let (add, drop) = (spelt(&add, all, false), spelt(&drop, false, true));
        match (CapabilityRequest { privilege, add: &add, drop: &drop }).resolve(bounding) {
            Ok(set) => prop_assert!(set.is_subset(bounding)),
            Err(CapabilityError::Unavailable { missing, .. }) => {
                prop_assert!(!missing.is_empty());
                prop_assert!(missing.intersection(bounding).is_empty());
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }

    #[test]
    fn a_set_has_exactly_what_it_was_made_of(list in some()) {
        let set: CapabilitySet = list.iter().copied().collect();
        for one in CapabilitySet::ALL.iter() {
            prop_assert_eq!(set.contains(one), list.contains(&one));
        }
        prop_assert_eq!(CapabilitySet::from_names("cap_add", &spelt(&list, false, true)), Ok(set));
    }

    #[test]
    fn any_text_is_a_name_or_an_error(text in "\\PC{0,20}") {
        match CapabilitySet::from_names("cap_add", &[&text]) {
            Ok(set) => prop_assert!(!set.is_empty()),
            Err(error) => prop_assert_eq!(error, CapabilityError::Unknown { option: "cap_add", name: text }),
        }
    }
}
