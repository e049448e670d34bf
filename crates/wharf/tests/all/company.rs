//! A company's life by command line: people, teams, packages, and who may do
//! what, tried by each of them.

use std::time::Duration;

use reqwest::StatusCode;
use tokio::time::timeout;
use wharf_testkit::{Caller, image, push_image};

use crate::process::{Process, admin, text};

struct Company {
    server: Process,
}

impl Company {
    fn run(&self, line: &str) -> String {
        let words: Vec<&str> = line.split_whitespace().collect();
        self.server.admin(&words)
    }

    fn fails(&self, line: &str) -> String {
        let words: Vec<&str> = line.split_whitespace().collect();
        let output = admin(&self.server.data, &words, "");
        assert!(!output.status.success(), "{line} succeeded");
        text(&output.stderr)
    }

    fn person(&self, login: &str) -> Caller {
        self.run(&format!("user create {login}"));
        let token = self.run(&format!(
            "token create --user {login} --scope admin:packages"
        ));
        Caller::at(&self.server.host, token.trim_end())
    }
}

async fn pulls(caller: &Caller) -> bool {
    caller.get("/v2/acme/app/manifests/1").await.status() == StatusCode::OK
}

async fn pushes(caller: &Caller) -> bool {
    caller.post("/v2/acme/app/blobs/uploads/").await.status() == StatusCode::ACCEPTED
}

/// What another process took away is refused soon; asked until it is.
async fn no_longer_pulls(caller: &Caller) {
    let refused = async { while pulls(caller).await {} };
    let refused = timeout(Duration::from_mins(1), refused).await;
    refused.expect("refused in the end");
}

#[tokio::test]
async fn a_companys_life() {
    let dir = tempfile::tempdir().expect("a directory");
    let company = Company {
        server: Process::start(dir.path()),
    };
    let ada = company.person("ada");
    let [ben, cleo, guest] = ["ben", "cleo", "guest"].map(|login| company.person(login));
    company.run("org create acme --owner ada");
    company.run("org add acme ben");
    company.run("org add acme cleo");
    assert_eq!(
        company.run("org members acme"),
        "ada\towner\nben\tmember\ncleo\tmember\n"
    );
    company.run("team create acme/backend");
    company.run("team create acme/payments --parent backend");
    company.run("team add acme/payments cleo");
    assert_eq!(
        company.run("team ls acme"),
        "acme/backend\nacme/payments\tbelow backend\n"
    );

    push_image(&ben, "acme/app", "1", &image("one")).await;
    assert!(pulls(&ada).await && pushes(&ben).await);
    assert!(!pulls(&cleo).await && !pulls(&guest).await);

    company.run("package grant acme/app acme/backend write");
    company.run("package grant acme/app guest read --expires 30d");
    assert!(pushes(&cleo).await && pulls(&guest).await && !pushes(&guest).await);
    let grants = company.run("package grants acme/app");
    let grants: Vec<&str> = grants.lines().collect();
    assert_eq!(grants[0], "acme/backend\twrite\tby the operator");
    assert_eq!(grants[1], "ben\tadmin\tby ben");
    assert!(
        grants[2].starts_with("guest\tread\tby the operator\tuntil 20"),
        "{grants:?}"
    );

    push_image(&ben, "acme/app", "1", &image("two")).await;
    company.run("tag rollback acme/app 1");
    let history = company.run("tag history acme/app 1");
    let history: Vec<&str> = history.lines().collect();
    assert_eq!(history.len(), 3, "{history:?}");
    assert!(history[0].ends_with("by the operator") && history[1].ends_with("by ben"));
    company.run("tag protect acme *");
    assert_eq!(company.run("tag protected acme/app"), "*\n");
    let moved = company.fails("tag rollback acme/app 1");
    assert!(moved.contains("is immutable (by the pattern *)"), "{moved}");
    company.run("tag unprotect acme *");

    company.run("package revoke acme/app guest");
    company.run("team remove acme/payments cleo");
    no_longer_pulls(&guest).await;
    no_longer_pulls(&cleo).await;
    company.run("package visibility acme/app internal");
    assert!(pulls(&guest).await);
    company.run("package visibility acme/app private");
    no_longer_pulls(&guest).await;
    company.run("org remove acme ben");
    no_longer_pulls(&ben).await;
    assert!(pulls(&ada).await);

    assert_eq!(
        company.run("org policy acme --members-create no --members-visibility public"),
        "members create packages\tno\nmembers may make them\tpublic at most\n"
    );
    for (line, says) in [
        ("org remove acme ada", "ada is the last owner of acme"),
        ("org add acme nobody1", "there is no user nobody1"),
        ("org add missing ada", "there is no organization missing"),
        (
            "team create acme/backend",
            "there is already a team acme/backend",
        ),
        (
            "team create acme/deep --parent payments",
            "nested one level",
        ),
        ("team create acme", "write ORGANIZATION/TEAM"),
        (
            "team add acme/backend guest",
            "guest is not a member of acme",
        ),
        (
            "package grant acme/app acme/none read",
            "there is no team acme/none",
        ),
        ("package grant acme/app ada owner", "invalid value 'owner'"),
        ("tag protect acme/app v1/2", "is not a pattern of tags"),
        ("tag unprotect acme/app v*", "acme/app has no pattern v*"),
        (
            "package grant acme/none ada read",
            "there is no package acme/none",
        ),
        (
            "package revoke acme/app guest",
            "guest was granted nothing on acme/app",
        ),
    ] {
        let message = company.fails(line);
        assert!(message.contains(says), "{line}: {message}");
    }
}
