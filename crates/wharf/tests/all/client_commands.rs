//! `wharf login`, `inspect`, `ls`, `tag`, `copy`, `delete` against `wharf serve`.

use std::process::{Command, Output};

use tempfile::TempDir;
use wharf_testkit::Image;

use crate::process::{Process, WHARF, run, text};

struct World {
    server: Process,
    dir: TempDir,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let server = Process::start(&dir.path().join("data"));
        Self { server, dir }
    }

    fn wharf(&self, line: &str, input: &str) -> Output {
        let mut command = Command::new(WHARF);
        command.args(line.replace("HOST", &self.server.host).split_whitespace());
        command.env("DOCKER_CONFIG", self.dir.path().join("docker"));
        command.env_remove("REGISTRY_AUTH_FILE");
        run(command, input)
    }

    fn ok(&self, line: &str) -> String {
        let output = self.wharf(line, "");
        assert!(output.status.success(), "{line}: {}", text(&output.stderr));
        text(&output.stdout).trim_end().to_owned()
    }

    fn fails(&self, line: &str, code: i32) -> String {
        let output = self.wharf(line, "");
        assert_eq!(
            output.status.code(),
            Some(code),
            "{line}: {}",
            text(&output.stderr)
        );
        text(&output.stderr)
    }

    async fn push(&self, name: &str, tag: &str, image: &Image) {
        let caller = wharf_testkit::Caller::at(&self.server.host, &self.server.admin_token());
        wharf_testkit::push_image(&caller, name, tag, image).await;
    }
}

#[tokio::test]
async fn the_life_of_an_image() {
    let world = World::new();
    let image = wharf_testkit::image("one");
    world.push("admin/app", "1.0", &image).await;

    world.fails("inspect HOST/admin/app:1.0", 4);
    let wrong = world.wharf("login HOST -u admin --password-stdin", "wrong password");
    assert_eq!(wrong.status.code(), Some(4));
    assert!(
        text(&wrong.stderr).contains("password is wrong"),
        "{}",
        text(&wrong.stderr)
    );
    let login = world.wharf(
        "login HOST -u admin --password-stdin",
        &world.server.admin_password(),
    );
    assert!(login.status.success(), "{}", text(&login.stderr));
    assert!(world.ok("whoami HOST").contains("admin"));

    assert_eq!(
        world.ok("inspect --raw HOST/admin/app:1.0").as_bytes(),
        image.manifest
    );
    assert!(
        world
            .ok("inspect --json HOST/admin/app:1.0")
            .contains(image.digest.as_str())
    );
    assert!(world.ok("ls HOST").contains("admin/app"));
    world.ok("tag HOST/admin/app:1.0 1 latest");
    let tags = world.ok("ls HOST/admin/app");
    assert_eq!(
        tags.split_whitespace().collect::<Vec<_>>(),
        ["1", "1.0", "latest"]
    );

    world.ok("copy HOST/admin/app:1.0 HOST/admin/copy:2");
    assert_eq!(
        world.ok("inspect --raw HOST/admin/copy:2").as_bytes(),
        image.manifest
    );
    world.ok("delete HOST/admin/app:latest");
    world.fails("inspect HOST/admin/app:latest", 3);
    let by_digest = format!("delete HOST/admin/app@{}", image.digest);
    world.ok(&by_digest);
    world.fails("inspect HOST/admin/app:1.0", 3);
    assert_eq!(
        world.ok("inspect --raw HOST/admin/copy:2").as_bytes(),
        image.manifest
    );
    let said = world.fails("copy HOST/admin/copy:2 HOST/noowner:1", 3);
    assert!(said.contains("noowner has no owner"), "{said}");
    world.ok("logout HOST");
    world.fails("inspect HOST/admin/copy:2", 4);
}
