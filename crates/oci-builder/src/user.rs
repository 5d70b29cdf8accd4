//! Who the process runs as (`process.user`).

/// Numeric identity of a process, resolved from the image's passwd and group files by the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// User id inside the container.
    pub uid: u32,
    /// Primary group id inside the container.
    pub gid: u32,
    /// Supplementary group ids in order.
    pub additional_gids: Vec<u32>,
}

impl User {
    pub(crate) fn into_spec(self) -> oci_spec::runtime::User {
        let Self { uid, gid, additional_gids } = self;
        let mut user = oci_spec::runtime::User::default();
        user.set_uid(uid)
            .set_gid(gid)
            .set_umask(None)
            .set_additional_gids((!additional_gids.is_empty()).then_some(additional_gids))
            .set_username(None);
        user
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::User;
    use crate::testing::check;

    #[test]
    fn numbers_and_groups_are_kept_in_order() {
        check(
            |plan| plan.user = User { uid: 1000, gid: 50, additional_gids: vec![50, 7, 9] },
            expect![[r#"
                + process.user.additionalGids: [50,7,9]
                ~ process.user.gid: 0 => 50
                ~ process.user.uid: 0 => 1000
            "#]],
        );
    }
}
