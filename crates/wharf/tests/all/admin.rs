//! `wharf admin`, with the server running and stopped.

use crate::process::{Process, admin, text};

#[test]
fn users_tokens_and_packages_with_the_server_running_and_stopped() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut server = Process::start(dir.path());
    for running in [true, false] {
        if !running {
            assert!(server.terminate());
        }
        let login = if running { "alice" } else { "bob" };
        let created = admin(
            dir.path(),
            &["user", "create", login, "--password-stdin"],
            "correct horse\n",
        );
        assert!(created.status.success(), "{}", text(&created.stderr));
        let org = format!("{login}-org");
        server.admin(&["org", "create", &org, "--owner", login]);
        let token = server.admin(&[
            "token",
            "create",
            "--user",
            login,
            "--scope",
            "write:packages",
        ]);
        assert!(
            token.starts_with("wharf_pat_") && token.trim_end().len() == 52,
            "{token}"
        );
        let list = server.admin(&["token", "ls", "--user", login]);
        assert!(
            list.contains("write:packages") && !list.contains(token.trim_end()),
            "{list}"
        );
        let report = server.admin(&["verify", "--deep", "--json"]);
        assert!(report.contains("\"problems\": []"), "{report}");
    }
    assert_eq!(server.admin(&["user", "ls"]), "admin\tadmin\nalice\nbob\n");
    assert_eq!(server.admin(&["org", "ls"]), "alice-org\nbob-org\n");
}

#[test]
fn mistakes_are_explained() {
    let dir = tempfile::tempdir().expect("a directory");
    let nothing = admin(dir.path(), &["user", "ls"], "");
    assert_eq!(nothing.status.code(), Some(1));
    assert!(text(&nothing.stderr).contains("there is no Wharf data in"));
    let _server = Process::start(dir.path());
    for (arguments, input, says) in [
        (
            &["user", "create", "admin"][..],
            "",
            "already an account admin",
        ),
        (&["user", "create", "v2"], "", "reserved"),
        (&["user", "create", "a--b"], "", "not a login"),
        (
            &["user", "create", "carol", "--password-stdin"],
            "short",
            "too short",
        ),
        (
            &["user", "create", "carol", "--password-stdin"],
            "",
            "no password on standard input",
        ),
        (
            &["org", "create", "acme", "--owner", "nobody"],
            "",
            "no user nobody",
        ),
        (
            &["token", "create", "--user", "admin", "--scope", "repo"],
            "",
            "not a scope",
        ),
        (
            &[
                "token",
                "create",
                "--user",
                "admin",
                "--scope",
                "read:packages",
                "--expires",
                "1y",
            ],
            "",
            "not a lifetime",
        ),
        (&["token", "revoke", "99"], "", "no token 99"),
        (
            &["package", "visibility", "admin/none", "public"],
            "",
            "no package admin/none",
        ),
        (
            &["package", "visibility", "none", "public"],
            "",
            "has no owner",
        ),
        (
            &["package", "visibility", "admin/app", "secret"],
            "",
            "possible values",
        ),
    ] {
        let output = admin(dir.path(), arguments, input);
        let missing = says.starts_with("no user") || says.starts_with("no token");
        let expected = if missing || says.starts_with("no package") {
            3
        } else {
            1
        };
        assert_eq!(output.status.code(), Some(expected), "{arguments:?}");
        let message = text(&output.stderr);
        assert!(message.contains(says), "{arguments:?}: {message}");
    }
}
