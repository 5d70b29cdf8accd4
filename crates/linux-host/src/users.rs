//! A task's user, looked up in the image's passwd and group files.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// A user in numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedUser {
    /// User id.
    pub uid: u32,
    /// Primary group id.
    pub gid: u32,
    /// Supplementary groups, the primary one first.
    pub additional_gids: Vec<u32>,
    /// Home directory; `/` when passwd names none.
    pub home: PathBuf,
}

/// The most supplementary groups that an image can give a user: a user of a Windows domain, which have the most in
/// practice, is in 1015 at most. The kernel takes 65536 (`NGROUPS_MAX`), but each goes through the runtime as text.
const GROUPS_MAX: usize = 1024;

/// A user that the image does not have, or not so.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum UserError {
    /// No such user.
    #[error("unknown user {user:?} (accepted: a name in the image's /etc/passwd, or a number)")]
    UnknownUser {
        /// The name.
        user: String,
    },
    /// No such group.
    #[error("unknown group {group:?} (accepted: a name in the image's /etc/group, or a number)")]
    UnknownGroup {
        /// The name.
        group: String,
    },
    /// The user is in more groups than a task can have.
    #[error(
        "{user:?} is in {count} groups of the image's /etc/group, and {limit} are supported; name one group: \
         \"{user}:GROUP\""
    )]
    TooManyGroups {
        /// The name.
        user: String,
        /// How many.
        count: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A number that is no id.
    #[error("{id} is not a user or group id: it must be between 0 and 2147483647")]
    Range {
        /// The number as given.
        id: String,
    },
}

/// Resolves `""`, `name`, `uid`, `name:group`, `uid:gid`, `name:` and every mixture of them, as Docker does.
///
/// `passwd` and `group` are what is in the image's files, in any encoding; empty when it has none. A line that is not of
/// the file's form is passed over. Each file is read once from end to end, so its size alone limits the work.
///
/// # Errors
/// [`UserError`].
pub fn resolve(
    user: &str,
    passwd: impl AsRef<[u8]>,
    group: impl AsRef<[u8]>,
) -> Result<ResolvedUser, UserError> {
    let (passwd, group) = (passwd.as_ref(), group.as_ref());
    let (user_part, group_part) = match user.split_once(':') {
        Some((user, group)) => (user, group),
        None => (user, ""),
    };
    let wanted = if user_part.is_empty() { "0" } else { user_part };
    let entry = lines(passwd).filter_map(PasswdEntry::parse).find(|entry| entry.is(wanted));
    let (uid, own_gid, home) = match &entry {
        Some(entry) => (entry.uid, entry.gid, entry.home),
        None => (number(wanted)?.ok_or_else(|| unknown_user(wanted))?, 0, [].as_slice()),
    };
    let (gid, mut additional_gids) = if group_part.is_empty() {
        let name = entry.as_ref().map(|entry| entry.name);
        (own_gid, memberships(name, group)?)
    } else {
        (resolve_group(group_part, group)?, Vec::new())
    };
    additional_gids.retain(|&other| other != gid);
    additional_gids.insert(0, gid);
    let home = if home.is_empty() { b"/" } else { home };
    let home = PathBuf::from(OsStr::from_bytes(home));
    Ok(ResolvedUser { uid, gid, additional_gids, home })
}

/// Whether a text has the form of a user: `user` or `user:group`, each a name or an id. Nothing is looked up.
#[must_use]
pub fn is_user(text: &str) -> bool {
    text.split_once(':').map_or_else(|| is_part(text), |(user, group)| is_part(user) && is_part(group))
}

/// Whether a passwd or group file could have it (useradd(8) begins no name with a dash), or it is an id.
fn is_part(text: &str) -> bool {
    let is_name =
        !text.is_empty() && !text.starts_with('-') && !text.contains(|c: char| c == ':' || c.is_control());
    is_name && number(text).is_ok()
}

/// The largest id that a user string may name, as in Docker.
const ID_MAX: u32 = i32::MAX.unsigned_abs();

fn unknown_user(user: &str) -> UserError {
    UserError::UnknownUser { user: user.to_owned() }
}

fn resolve_group(wanted: &str, group: &[u8]) -> Result<u32, UserError> {
    match lines(group).filter_map(GroupEntry::parse).find(|entry| entry.is(wanted)) {
        Some(entry) => Ok(entry.gid),
        None => number(wanted)?.ok_or_else(|| UserError::UnknownGroup { group: wanted.to_owned() }),
    }
}

/// Groups that list the user as a member, in the file's order, each once. A user that passwd does not know is a
/// member of none.
fn memberships(user: Option<&[u8]>, group: &[u8]) -> Result<Vec<u32>, UserError> {
    let Some(user) = user else { return Ok(Vec::new()) };
    let (mut gids, mut known) = (Vec::new(), HashSet::new());
    for entry in lines(group).filter_map(GroupEntry::parse) {
        let mut members = entry.members.split(|byte| *byte == b',');
        if members.any(|member| member == user) && known.insert(entry.gid) {
            gids.push(entry.gid);
        }
    }
    if gids.len() > GROUPS_MAX {
        let user = String::from_utf8_lossy(user).into_owned();
        return Err(UserError::TooManyGroups { user, count: gids.len(), limit: GROUPS_MAX });
    }
    Ok(gids)
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

/// A field of a line as a number.
fn id(field: &[u8]) -> Option<u32> {
    std::str::from_utf8(field).ok()?.parse().ok()
}

/// The id when `text` is a number at all.
fn number(text: &str) -> Result<Option<u32>, UserError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(None);
    }
    match text.parse() {
        Ok(id) if id <= ID_MAX => Ok(Some(id)),
        _ => Err(UserError::Range { id: text.to_owned() }),
    }
}

/// A line of passwd(5).
struct PasswdEntry<'a> {
    name: &'a [u8],
    uid: u32,
    gid: u32,
    home: &'a [u8],
}

impl<'a> PasswdEntry<'a> {
    fn parse(line: &'a [u8]) -> Option<Self> {
        let mut fields = line.split(|byte| *byte == b':');
        let (name, _password) = (fields.next()?, fields.next()?);
        let (uid, gid) = (id(fields.next()?)?, id(fields.next()?)?);
        let home = fields.nth(1).unwrap_or_default();
        (!name.is_empty()).then_some(Self { name, uid, gid, home })
    }

    fn is(&self, wanted: &str) -> bool {
        self.name == wanted.as_bytes() || self.uid.to_string() == wanted
    }
}

/// A line of group(5).
struct GroupEntry<'a> {
    name: &'a [u8],
    gid: u32,
    members: &'a [u8],
}

impl<'a> GroupEntry<'a> {
    fn parse(line: &'a [u8]) -> Option<Self> {
        let mut fields = line.split(|byte| *byte == b':');
        let (name, _password) = (fields.next()?, fields.next()?);
        let gid = id(fields.next()?)?;
        let members = fields.next().unwrap_or_default();
        (!name.is_empty()).then_some(Self { name, gid, members })
    }

    fn is(&self, wanted: &str) -> bool {
        self.name == wanted.as_bytes() || self.gid.to_string() == wanted
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    const PASSWD: &str = "\
root:x:0:0:root:/root:/bin/sh
# a comment
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
redis:x:999:1000::/data
broken:x:one:1::/
homeless:x:7:7:::
1234:x:55:55::/numeric:/bin/sh
";
    const GROUP: &str = "\
root:x:0:root
daemon:x:1:
disk:x:6:root,adm
redis:x:1000:
audio:x:29:redis,root,redis
video:x:44:redis
again:x:44:redis
";

    fn check(user: &str, expected: Expect) {
        let text = match resolve(user, PASSWD, GROUP) {
            Ok(ResolvedUser { uid, gid, additional_gids, home }) => {
                format!("{uid}:{gid} {additional_gids:?} {}", home.display())
            }
            Err(error) => error.to_string(),
        };
        expected.assert_eq(&text);
    }

    #[test]
    fn no_user_is_root_with_the_groups_that_list_it() {
        check("", expect!["0:0 [0, 6, 29] /root"]);
        check("root", expect!["0:0 [0, 6, 29] /root"]);
        check("0", expect!["0:0 [0, 6, 29] /root"]);
    }

    #[test]
    fn a_name_brings_its_group_its_home_and_its_memberships() {
        check("redis", expect!["999:1000 [1000, 29, 44] /data"]);
        check("redis:", expect!["999:1000 [1000, 29, 44] /data"]);
        check("999", expect!["999:1000 [1000, 29, 44] /data"]);
    }

    #[test]
    fn a_number_that_passwd_does_not_know_has_group_0_and_nothing_else() {
        check("4242", expect!["4242:0 [0] /"]);
    }

    #[test]
    fn a_stated_group_replaces_every_other() {
        check("redis:daemon", expect!["999:1 [1] /data"]);
        check("redis:0", expect!["999:0 [0] /data"]);
        check("1000:1000", expect!["1000:1000 [1000] /"]);
        check("4242:9999", expect!["4242:9999 [9999] /"]);
        check(":disk", expect!["0:6 [6] /root"]);
    }

    #[test]
    fn a_name_of_digits_is_a_name_first_when_it_comes_first() {
        check("1234", expect!["55:55 [55] /numeric"]);
    }

    #[test]
    fn an_empty_home_is_the_root_directory() {
        check("homeless", expect!["7:7 [7] /"]);
    }

    #[test]
    fn what_the_image_does_not_have_is_named() {
        check(
            "nobody",
            expect![[r#"unknown user "nobody" (accepted: a name in the image's /etc/passwd, or a number)"#]],
        );
        check(
            "broken",
            expect![[r#"unknown user "broken" (accepted: a name in the image's /etc/passwd, or a number)"#]],
        );
        check(
            "redis:staff",
            expect![[r#"unknown group "staff" (accepted: a name in the image's /etc/group, or a number)"#]],
        );
        check(
            "-1",
            expect![[r#"unknown user "-1" (accepted: a name in the image's /etc/passwd, or a number)"#]],
        );
        check(
            "a:b:c",
            expect![[r#"unknown user "a" (accepted: a name in the image's /etc/passwd, or a number)"#]],
        );
        check(
            "2147483648",
            expect!["2147483648 is not a user or group id: it must be between 0 and 2147483647"],
        );
        check(
            "0:99999999999",
            expect!["99999999999 is not a user or group id: it must be between 0 and 2147483647"],
        );
    }

    #[test]
    fn an_image_without_the_files_knows_numbers_only() {
        let root = resolve("", "", "").unwrap();
        assert_eq!((root.uid, root.gid, root.additional_gids), (0, 0, vec![0]));
        assert!(resolve("root", "", "").is_err());
    }

    #[test]
    fn files_in_another_encoding_are_read_as_they_are() {
        let passwd = b"m\xfcller:x:7:8:M\xfcller:/home/m\xfcller:/bin/sh\r\nweb:x:9:10:\xff:/w\xfc:\n";
        let group = b"caf\xe9:x:11:m\xfcller,web\n";
        let found = resolve("web", passwd, group).unwrap();
        assert_eq!((found.uid, found.gid, found.additional_gids), (9, 10, vec![10, 11]));
        assert_eq!(found.home.as_os_str().as_bytes(), b"/w\xfc");
        assert_eq!(resolve("7", passwd, group).unwrap().additional_gids, [8, 11]);
    }

    #[test]
    fn a_user_of_too_many_groups_is_told_what_to_name_instead() {
        let group = |count: u32| -> String { (1..=count).map(|n| format!("g{n}:x:{n}:root\n")).collect() };
        assert_eq!(resolve("", PASSWD, group(1024)).unwrap().additional_gids.len(), 1025);
        let error = resolve("root", PASSWD, group(60_000)).unwrap_err();
        expect![[r#""root" is in 60000 groups of the image's /etc/group, and 1024 are supported; name one group: "root:GROUP""#]].assert_eq(&error.to_string());
        assert_eq!(resolve("root:g7", PASSWD, group(60_000)).unwrap().additional_gids, [7]);
    }

    proptest! {
        #[test]
        fn no_bytes_are_a_surprise(
            passwd in prop::collection::vec(any::<u8>(), 0..60),
            group in prop::collection::vec(any::<u8>(), 0..60),
        ) {
            let _ = resolve("root", passwd, group);
        }

        #[test]
        fn no_file_and_no_user_is_a_surprise(
            user in "[a-c0-9:]{0,6}",
            passwd in "([a-c]{0,2}:?x?:?[0-9]{0,3}:?[0-9]{0,3}:?\n){0,5}",
            group in "([a-c]{0,2}:?x?:?[0-9]{0,3}:?[a-c,]{0,5}\n){0,5}",
        ) {
            if let Ok(found) = resolve(&user, &passwd, &group) {
                prop_assert_eq!(found.additional_gids.first(), Some(&found.gid));
                prop_assert!(found.home.is_absolute() || passwd.contains(found.home.to_str().unwrap()));
            }
        }

        #[test]
        fn two_numbers_need_no_file(uid in 0..=i32::MAX, gid in 0..=i32::MAX) {
            let found = resolve(&format!("{uid}:{gid}"), "", "").unwrap();
            prop_assert_eq!((i64::from(found.uid), i64::from(found.gid)), (uid.into(), gid.into()));
        }
    }
}
