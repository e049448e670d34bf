//! People: logins, organizations, tokens, and who they are elsewhere.

use wharf_db::{
    Db, Error, ErrorKind, Tx, Write,
    accounts::{self, Account, AccountKind},
    epochs,
    grants::{self, Granted, Principal, Role},
    identities::{self, Identity},
    organizations::{self, MemberRole, Policy},
    packages::{self, Selection, Visibility},
    sessions::{self, Session},
    sign_ins::{self, SignIn},
    teams, tokens,
};

use super::{account, company, grant, world};

pub async fn logins_are_unique_and_sort_by_bytes(db: &Db) {
    let made = write!(db, |tx| {
        for (id, login) in [(1, "b-1"), (2, "b"), (3, "a"), (4, "b1")] {
            accounts::insert(tx, &account(id, login, AccountKind::User)).await?;
        }
        accounts::insert(tx, &account(5, "org", AccountKind::Organization)).await?;
        organizations::put_member(tx, 5, 1, MemberRole::Member, 1).await?;
        organizations::put_member(tx, 5, 1, MemberRole::Owner, 2).await?;
    });
    made.expect("made");
    let mut reader = db.reader().await.expect("a reader");
    let conn = &mut reader.conn();
    let list = accounts::list(conn, AccountKind::User, "a", 2)
        .await
        .expect("lists");
    let logins: Vec<_> = list.iter().map(|a| a.login.as_str()).collect();
    assert_eq!(logins, ["b", "b-1"]);
    let memberships = organizations::memberships(conn, 1).await.expect("lists");
    assert_eq!(memberships, [(5, MemberRole::Owner)]);
    let taken = write!(db, |tx| {
        accounts::insert(tx, &account(6, "a", AccountKind::User)).await?;
    });
    assert_eq!(taken.expect_err("taken").kind, ErrorKind::Duplicate);
}

pub async fn organizations_teams_and_grants(db: &Db) {
    company(db).await;
    let granted = write!(db, |tx| {
        let by = Some(2);
        let first = grant(Principal::Account(3), Role::Read, None);
        grants::put(tx, Granted::Package(11), &first, by, 1).await?;
        let second = grant(Principal::Account(3), Role::Admin, Some(9));
        grants::put(tx, Granted::Package(11), &second, by, 2).await?;
        let team = grant(Principal::Team(50), Role::Write, None);
        grants::put(tx, Granted::Package(11), &team, None, 3).await?;
    });
    granted.expect("granted");
    {
        let mut reader = db.reader().await.expect("a reader");
        let conn = &mut reader.conn();
        let mut teams = teams::of_user(conn, 3).await.expect("lists");
        teams.sort_unstable();
        assert_eq!(teams, [50, 51], "its own and the one above");
        let found = grants::on(conn, Granted::Package(11)).await.expect("lists");
        let expected = [
            grant(Principal::Account(3), Role::Admin, Some(9)),
            grant(Principal::Team(50), Role::Write, None),
        ];
        assert_eq!(found, expected);
        let details = grants::details(conn, Granted::Package(11))
            .await
            .expect("lists");
        let principals: Vec<_> = details.iter().map(|g| g.principal.as_str()).collect();
        assert_eq!(principals, ["acme/backend", "carol"]);
        assert_eq!(details[1].granted_by.as_deref(), Some("bob"));
        for (principal, now, sees) in [
            (Principal::Account(3), 8, true),
            (Principal::Account(3), 9, false),
            (Principal::Team(50), 9, true),
            (Principal::Team(51), 9, false),
        ] {
            let selection = Selection::GrantedTo(principal, now);
            let paths = packages::list_paths(conn, selection, "", 10).await;
            assert_eq!(paths.expect("lists").len(), usize::from(sees));
        }
        assert!(
            !organizations::has_other_owner(conn, 5, 2)
                .await
                .expect("reads")
        );
        let policy = organizations::policy(conn, 5).await.expect("reads");
        assert_eq!(policy, Policy::default());
    }
    let left = write!(db, |tx| {
        organizations::remove_member(tx, 5, 3).await?;
        teams::leave_all(tx, 5, 3).await?;
        grants::leave(tx, 5, 3).await?;
        grants::remove_all(tx, Principal::Team(50)).await?;
        teams::delete(tx, 50).await?;
        let policy = Policy {
            members_may_create: false,
            inherit_by_default: true,
            members_widest_visibility: Visibility::Public,
        };
        organizations::set_policy(tx, 5, policy).await?;
    });
    left.expect("left");
    let mut reader = db.reader().await.expect("a reader");
    let conn = &mut reader.conn();
    assert!(
        grants::on(conn, Granted::Package(11))
            .await
            .expect("lists")
            .is_empty()
    );
    assert!(
        teams::list(conn, 5, "", 10)
            .await
            .expect("lists")
            .is_empty()
    );
    let policy = organizations::policy(conn, 5).await.expect("reads");
    assert!(!policy.members_may_create);
}

pub async fn names_lead_on_through_every_renaming(db: &Db) {
    company(db).await;
    let made = write!(db, |tx| {
        let service = Account {
            organization_id: Some(5),
            ..account(6, "acme+ci", AccountKind::ServiceAccount)
        };
        accounts::insert(tx, &service).await?;
        packages::rename(tx, 11, "acme/server", 5, 2).await?;
        packages::redirect(tx, "acme/app", 11, 2).await?;
        let acme = accounts::find(tx, 5).await?.expect("there");
        accounts::rename(tx, &acme, "acme-inc", 3).await?;
        packages::rename_owner(tx, 5, "acme", "acme-inc").await?;
        assert_eq!(
            accounts::find(tx, 6).await?.expect("there").login,
            "acme-inc+ci"
        );
        assert!(accounts::find_by_login(tx, "acme").await?.is_none());
        let former = accounts::find_by_former_login(tx, "acme").await?;
        assert_eq!(former.expect("kept").id, 5);
        assert_eq!(accounts::kept_for(tx, "acme").await?, Some(5));
        assert!(packages::find(tx, "acme-inc/server").await?.is_some());
        assert_eq!(packages::find_redirect(tx, "acme-inc/app").await?, Some(11));
        assert_eq!(packages::redirects(tx, 11).await?, ["acme-inc/app"]);
        let under = packages::redirects_under(tx, "acme-inc", "", 9).await?;
        assert_eq!(under, [("acme-inc/app".into(), "acme-inc/server".into())]);
        assert!(packages::remove_redirect(tx, "acme-inc/app", 11).await?);
        assert!(!packages::remove_redirect(tx, "acme-inc/app", 11).await?);
        let acme = accounts::find(tx, 5).await?.expect("there");
        accounts::rename(tx, &acme, "acme", 4).await?;
        assert_eq!(accounts::kept_for(tx, "acme").await?, None);
        assert_eq!(accounts::count_former(tx, 5).await?, 1);
    });
    made.expect("holds");
    let taken = write!(db, |tx| {
        packages::rename(tx, 11, "alice/app", 5, 2).await?;
    });
    assert_eq!(taken.expect_err("taken").kind, ErrorKind::Duplicate);
}

pub async fn tokens_are_revoked_once(db: &Db) {
    world(db).await;
    let made = write!(db, |tx| {
        let token = tokens::Token {
            id: 30,
            account_id: 1,
            limits: None,
            name: "ci".into(),
            scopes: "read:packages".into(),
            created_at: 1,
            expires_at: Some(9),
            last_used_at: None,
            revoked_at: None,
        };
        tokens::insert(tx, &token, "hash").await?;
        tokens::touch(tx, 30, 5).await?;
        tokens::touch(tx, 30, 4).await?;
        assert!(tokens::revoke(tx, 30, 6).await?);
        assert!(!tokens::revoke(tx, 30, 7).await?);
        let found = tokens::find_by_hash(tx, "hash").await?.expect("there");
        assert_eq!((found.last_used_at, found.revoked_at), (Some(5), Some(6)));
        let before = epochs::current(tx).await?;
        assert_eq!(epochs::raise(tx).await?, before + 1);
    });
    made.expect("holds");
}

pub async fn groups_make_teams_until_the_identity_ends(db: &Db) {
    company(db).await;
    let made = write!(db, |tx| {
        accounts::insert(tx, &account(4, "dave", AccountKind::User)).await?;
        let identity = Identity {
            id: 90,
            account_id: 4,
            provider: "sso".into(),
            subject: "s".into(),
            name: "dave".into(),
            refresh_token: Some("r".into()),
            created_at: 1,
            confirmed_at: None,
            ended_at: None,
        };
        identities::insert(tx, &identity).await?;
        identities::add_team_group(tx, 51, "sso", "devs").await?;
        identities::add_team_group(tx, 51, "sso", "devs").await?;
        identities::add_team_group(tx, 50, "other", "ops").await?;
        let groups = ["devs".to_owned(), "ops".to_owned()];
        identities::confirm(tx, &identity, &groups, 5).await?;
        assert_eq!(identities::groups(tx, 90).await?, groups);
        let mut teams = teams::of_user(tx, 4).await?;
        teams.sort_unstable();
        assert_eq!(teams, [50, 51], "the group's team and the one above");
        assert_eq!(teams::members(tx, 51, "", 9).await?, ["carol", "dave"]);
        let member = [(5, MemberRole::Member)];
        assert_eq!(organizations::memberships(tx, 4).await?, member);
        organizations::put_member(tx, 5, 4, MemberRole::Owner, 6).await?;
        let owner = [(5, MemberRole::Owner)];
        assert_eq!(
            organizations::memberships(tx, 4).await?,
            owner,
            "once, as the more"
        );
        organizations::remove_member(tx, 5, 4).await?;
        let due = identities::due(tx, 5, (i64::MIN, i64::MIN), 9).await?;
        assert_eq!(due[0].refresh_token.as_deref(), Some("r"));
        assert!(
            identities::due(tx, 4, (i64::MIN, i64::MIN), 9)
                .await?
                .is_empty()
        );
        assert!(identities::due(tx, 5, (5, 90), 9).await?.is_empty());
        let session = Session {
            id: 91,
            account_id: 4,
            agent: String::new(),
            address: String::new(),
            created_at: 1,
            expires_at: 99,
            identity_id: Some(90),
        };
        sessions::insert(tx, &session, "h").await?;
        identities::end(tx, 90, 7).await?;
        assert!(sessions::find_by_hash(tx, "h").await?.is_none());
        assert!(teams::of_user(tx, 4).await?.is_empty());
        assert!(organizations::memberships(tx, 4).await?.is_empty());
        let found = identities::find_by_subject(tx, "sso", "s")
            .await?
            .expect("kept");
        assert_eq!((found.ended_at, found.refresh_token), (Some(7), None));
        assert!(identities::remove_team_group(tx, 51, "sso", "devs").await?);
        assert!(!identities::remove_team_group(tx, 51, "sso", "devs").await?);
        assert!(identities::delete(tx, 90).await?);
        assert!(identities::of_account(tx, 4).await?.is_empty());
    });
    made.expect("holds");
}

pub async fn a_sign_in_is_taken_once(db: &Db) {
    world(db).await;
    let made = write!(db, |tx| {
        let sign_in = SignIn {
            provider: "sso".into(),
            browser_hash: "b".into(),
            nonce: "n".into(),
            verifier: "v".into(),
            return_to: "r".into(),
            return_state: "s".into(),
            challenge: "c".into(),
            expires_at: 10,
        };
        sign_ins::insert(tx, "h1", &sign_in, 1).await?;
        sign_ins::insert(tx, "h2", &sign_in, 10).await?;
        assert_eq!(sign_ins::take(tx, "h1").await?, None, "its time was up");
        assert_eq!(sign_ins::take(tx, "h2").await?, Some(sign_in));
        assert_eq!(sign_ins::take(tx, "h2").await?, None);
        assert!(sessions::delete_expired(tx, 1).await? == 0);
    });
    made.expect("holds");
}
