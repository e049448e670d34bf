//! A company's life by command line alone, over the network: people, teams,
//! packages, and who may do what, tried by each of them with Docker.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

use crate::{
    process::{Process, WHARF, run, text},
    programs::{DOCKER, busybox, installed},
};

const APP: &str = "acme/app";

struct Company {
    server: Process,
    dir: TempDir,
}

/// Somebody with a login of their own.
struct Person<'a> {
    company: &'a Company,
    config: PathBuf,
}

impl Company {
    fn found() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let server = Process::start(&dir.path().join("data"));
        Self { server, dir }
    }

    /// Somebody who signs in with a password or a token.
    fn sign_in(&self, login: &str, secret: &str) -> Person<'_> {
        let config = self.dir.path().join(login);
        let person = Person {
            company: self,
            config,
        };
        let host = &self.server.host;
        person.run_with(&format!("login {host} -u {login} --password-stdin"), secret);
        person
    }
}

impl<'a> Person<'a> {
    fn wharf(&self, line: &str, input: &str) -> Output {
        let mut command = Command::new(WHARF);
        command.args(line.split_whitespace());
        command.env("DOCKER_CONFIG", &self.config);
        command.env("WHARF_HOST", &self.company.server.host);
        command.env_remove("REGISTRY_AUTH_FILE");
        run(command, input)
    }

    fn run(&self, line: &str) -> String {
        self.run_with(line, "")
    }

    fn run_with(&self, line: &str, input: &str) -> String {
        let output = self.wharf(line, input);
        assert!(output.status.success(), "{line}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    fn fails(&self, line: &str) -> String {
        let output = self.wharf(line, "");
        assert!(!output.status.success(), "{line} succeeded");
        text(&output.stderr)
    }

    /// A new user, made by this one and signed in with a token of its own.
    fn hires(&self, login: &str) -> Person<'a> {
        let password = format!("the password of {login}");
        self.run_with(&format!("user create {login} --password-stdin"), &password);
        let person = self.company.sign_in(login, &password);
        let token = person.run("token create --scope admin:packages --expires 1d");
        self.company.sign_in(login, token.trim_end())
    }

    fn docker(&self, line: &str) -> Output {
        let mut command = Command::new("docker");
        command.args(line.split_whitespace());
        command.env("DOCKER_CONFIG", &self.config);
        run(command, "")
    }

    fn docker_ok(&self, line: &str) -> String {
        let output = self.docker(line);
        assert!(output.status.success(), "{line}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    fn image(&self, name: &str) -> String {
        format!("{}/{name}", self.company.server.host)
    }

    /// Builds an image that differs from every other one, and pushes it.
    fn pushes_new(&self, name: &str, unique: &str) {
        let context = self.config.join("context");
        std::fs::create_dir_all(&context).expect("a directory");
        std::fs::copy(busybox("amd64"), context.join("busybox")).expect("copied");
        let dockerfile = format!(
            "FROM scratch\nCOPY busybox /bin/busybox\n\
             LABEL org.opencontainers.image.description={unique}\n\
             LABEL org.opencontainers.image.source=https://github.com/acme/app\n"
        );
        std::fs::write(context.join("Dockerfile"), dockerfile).expect("written");
        let image = self.image(name);
        self.docker_ok(&format!("build -q -t {image} {}", context.display()));
        self.docker_ok(&format!("push -q {image}"));
    }

    fn pulls(&self, name: &str) -> bool {
        let image = self.image(name);
        self.docker(&format!("rmi -f {image}"));
        self.docker(&format!("pull -q {image}")).status.success()
    }

    fn pushes(&self, name: &str) -> bool {
        let image = self.image(name);
        self.docker(&format!("push -q {image}")).status.success()
    }

    fn deletes(&self, reference: &str) -> bool {
        let answer = self.wharf(&format!("tags remove {reference}"), "");
        answer.status.success()
    }
}

fn digest_of(line: &str) -> String {
    let digest = line
        .split_whitespace()
        .find(|word| word.starts_with("sha256:"));
    digest.expect("a digest").to_owned()
}

#[test]
fn a_companys_life() {
    if !installed(&[DOCKER]) {
        return;
    }
    let company = Company::found();
    let root = company.sign_in("admin", &company.server.admin_password());
    let ada = root.hires("ada");
    let [ben, cleo, guest] = ["ben", "cleo", "guest"].map(|login| root.hires(login));
    organization(&ada);
    first_push(&ada, &ben, [&cleo, &guest]);
    let bot = roles(&ada, &ben, &cleo, &guest);
    visibility(&ada, &guest);
    tags(&ada, &ben);
    names(&ada, &bot);
    removal(&ada, &ben);
    explained(&ada, &ben, &guest);
    departure(&ada, &ben, &bot);
}

/// Bytes that an upload has brought so far.
fn received(data: &Path) -> u64 {
    let files = std::fs::read_dir(data.join("uploads"))
        .into_iter()
        .flatten();
    let sizes = files.filter_map(|file| Some(file.ok()?.metadata().ok()?.len()));
    sizes.max().unwrap_or_default()
}

#[test]
fn revocation_is_felt_in_the_middle_of_a_docker_push() {
    const LAYER: usize = 192 << 20;
    if !installed(&[DOCKER]) {
        return;
    }
    let company = Company::found();
    let root = company.sign_in("admin", &company.server.admin_password());
    let ada = root.hires("ada");
    let context = company.dir.path().join("large");
    std::fs::create_dir_all(&context).expect("a directory");
    let random = std::fs::File::open("/dev/urandom").expect("opens");
    let mut layer = std::fs::File::create(context.join("layer")).expect("created");
    std::io::copy(&mut random.take(LAYER as u64), &mut layer).expect("written");
    std::fs::write(context.join("Dockerfile"), "FROM scratch\nCOPY layer /\n").expect("written");
    let image = ada.image("ada/large:1");
    ada.docker_ok(&format!("build -q -t {image} {}", context.display()));
    let mut command = Command::new("docker");
    command
        .args(["push", "-q", &image])
        .env("DOCKER_CONFIG", &ada.config);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut push = command.spawn().expect("starts");
    let data = &company.server.data;
    while received(data) == 0 {
        let running = push.try_wait().expect("asked").is_none();
        assert!(running, "it ended before it sent anything");
        std::thread::yield_now();
    }
    let tokens = ada.run("token ls");
    let id = tokens
        .lines()
        .last()
        .and_then(|line| line.split('\t').next());
    ada.run(&format!("token revoke {}", id.expect("an id")));
    let at_most = received(data);
    let ended = push.wait_with_output().expect("ends");
    let said = text(&ended.stderr);
    assert!(!ended.status.success(), "it went through: {said}");
    assert!(
        said.contains("was revoked") || said.contains("unauthorized"),
        "{said}"
    );
    assert!(at_most < LAYER as u64, "it was over before it was revoked");
    let refused = ada.fails("package show ada/large");
    assert!(refused.contains("was revoked"), "{refused}");
    assert_eq!(root.run("tags ls ada/large"), "");
    ada.docker(&format!("rmi -f {image}"));
}

fn organization(ada: &Person<'_>) {
    ada.run("org create acme");
    ada.run("org add acme ben");
    ada.run("org add acme cleo");
    assert_eq!(
        ada.run("org members acme"),
        "ada\towner\nben\tmember\ncleo\tmember\n"
    );
    ada.run("team create acme/backend");
    ada.run("team create acme/payments --parent backend");
    ada.run("team add acme/payments cleo");
    assert_eq!(
        ada.run("team ls acme"),
        "acme/backend\nacme/payments\tbelow backend\n"
    );
    assert_eq!(ada.run("team members acme/payments"), "cleo\n");
    let last = ada.fails("org remove acme ada");
    assert!(last.contains("the last owner"), "{last}");
    let policy = ada.run("org policy acme --members-create yes");
    assert_eq!(
        policy,
        "members create packages\tyes\nmembers may make them\tinternal at most\n\
         packages inherit their repository's access\tyes\n"
    );
}

/// The member who pushes first becomes the package's admin; nobody else sees it.
fn first_push(ada: &Person<'_>, ben: &Person<'_>, others: [&Person<'_>; 2]) {
    ben.pushes_new("acme/app:1", "one");
    assert!(ada.pulls("acme/app:1") && ben.pulls("acme/app:1"));
    for other in others {
        assert!(!other.pulls("acme/app:1"));
        assert!(
            other
                .fails("package show acme/app")
                .contains("does not exist, or")
        );
    }
    let shown = ben.run("package show acme/app");
    for line in [
        "description\tone",
        "source\tgithub.com/acme/app",
        "role\tadmin",
    ] {
        assert!(shown.contains(line), "{shown}");
    }
}

/// Every role, by a user, a team and a service account, tried with Docker.
fn roles<'a>(
    ada: &Person<'a>,
    ben: &Person<'_>,
    cleo: &Person<'_>,
    guest: &Person<'_>,
) -> Person<'a> {
    ben.run("package grant acme/app acme/backend write");
    ben.run("package grant acme/app guest read --expires 30d");
    ada.run("service-account create acme+bot --description deploys");
    ben.run("package grant acme/app acme+bot admin");
    let token = ada.run(
        "token create --user acme+bot --scope admin:packages --expires 1h --package acme/a* --from 127.0.0.0/8",
    );
    let bot = ada.company.sign_in("acme+bot", token.trim_end());
    assert!(cleo.pulls("acme/app:1") && cleo.pushes("acme/app:1"));
    assert!(!cleo.deletes("acme/app 1"));
    assert!(guest.pulls("acme/app:1") && !guest.pushes("acme/app:1"));
    assert!(bot.pulls("acme/app:1") && bot.pushes("acme/app:1"));
    bot.docker_ok(&format!("tag {0}:1 {0}:gone", bot.image(APP)));
    assert!(bot.pushes("acme/app:gone") && bot.deletes("acme/app gone"));
    let elsewhere = bot.fails("package show acme/other");
    assert!(
        elsewhere.contains("limited to other packages"),
        "{elsewhere}"
    );
    let grants = ben.run("package grants acme/app");
    let grants: Vec<&str> = grants.lines().collect();
    assert_eq!(grants[0], "acme+bot\tadmin\tby ben");
    assert_eq!(grants[1], "acme/backend\twrite\tby ben");
    assert_eq!(grants[2], "ben\tadmin\tby ben");
    assert!(
        grants[3].starts_with("guest\tread\tby ben\tuntil 20"),
        "{grants:?}"
    );
    bot
}

/// Opened and closed again; a member only as far as the organization lets.
fn visibility(ada: &Person<'_>, guest: &Person<'_>) {
    guest
        .company
        .server
        .admin(&["package", "revoke", APP, "guest"]);
    let nobody = ada.company.dir.path().join("nobody");
    std::fs::create_dir_all(&nobody).expect("a directory");
    let nobody = Person {
        company: ada.company,
        config: nobody,
    };
    ada.run("visibility acme/app internal");
    assert!(guest.pulls("acme/app:1") && !nobody.pulls("acme/app:1"));
    ada.run("visibility acme/app public");
    assert!(nobody.pulls("acme/app:1"));
    assert_eq!(nobody.run("package ls acme"), "acme/app\tpublic\tone\n");
    ada.run("visibility acme/app private");
    assert!(!guest.pulls("acme/app:1") && !nobody.pulls("acme/app:1"));
    assert_eq!(nobody.run("package ls acme"), "");
}

/// Rolled back, promoted, made immutable.
fn tags(ada: &Person<'_>, ben: &Person<'_>) {
    let before = digest_of(&ben.run("tags ls acme/app"));
    ben.pushes_new("acme/app:1", "two");
    assert_ne!(digest_of(&ben.run("tags ls acme/app")), before);
    ben.run("tags rollback acme/app 1");
    assert_eq!(digest_of(&ben.run("tags ls acme/app")), before);
    let history = ben.run("tags history acme/app 1");
    assert!(
        history.lines().count() >= 3 && history.contains("by ben"),
        "{history}"
    );
    ben.run("tags promote acme/app stable=1 latest=1");
    ada.run("tags promote acme/app 1=stable --to acme/released");
    assert!(
        ben.fails("package show acme/released")
            .contains("does not exist")
    );
    assert!(ada.pulls("acme/released:1"));
    assert_eq!(digest_of(&ada.run("tags ls acme/released")), before);
    ada.run("tags protect acme st*");
    assert_eq!(ada.run("tags protected acme/app"), "st*\n");
    let kept = ben.fails("tags remove acme/app stable");
    assert!(kept.contains("is immutable (by the pattern st*)"), "{kept}");
    ada.run("tags unprotect acme st*");
}

/// Renamed: the old name still pulls, and pushes.
fn names(ada: &Person<'_>, bot: &Person<'_>) {
    ada.run("package rename acme/app acme/server");
    assert!(bot.pulls("acme/app:1") && ada.pulls("acme/server:1"));
    assert!(bot.pushes("acme/app:1"), "by its former name");
    assert_eq!(ada.run("package former-names acme/server"), "acme/app\n");
    ada.run("org rename acme acme-inc");
    assert!(ada.pulls("acme/app:1") && ada.pulls("acme-inc/server:1"));
    let taken = ada.fails("org create acme");
    assert!(taken.contains("already an account acme"), "{taken}");
    ada.run("org rename acme-inc acme");
    ada.run("package rename acme/server acme/app");
    assert!(bot.pulls("acme/app:1"));
}

/// Deleted and restored, a version and the package.
fn removal(ada: &Person<'_>, ben: &Person<'_>) {
    let digest = digest_of(&ada.run("tags ls acme/app"));
    ada.run(&format!("versions delete acme/app {digest}"));
    assert!(!ada.pulls("acme/app:1"));
    let deleted = ada.run("versions ls acme/app --state deleted");
    assert!(deleted.contains(&digest), "{deleted}");
    ada.run(&format!("versions restore acme/app {digest}"));
    assert!(ada.pulls("acme/app:1"));
    ada.run("package delete acme/app");
    assert!(!ada.pulls("acme/app:1"));
    let other = ben.image("acme/released:1");
    ben.docker_ok(&format!("tag {other} {}:2", ben.image(APP)));
    let taken = ben.docker(&format!("push -q {}:2", ben.image(APP)));
    let refusal = text(&taken.stderr);
    assert!(
        refusal.contains("was deleted and its name is kept"),
        "{refusal}"
    );
    assert!(
        ada.run("package deleted acme")
            .starts_with("acme/app\tby ada\tuntil 20")
    );
    ada.run("package restore acme/app");
    assert!(ada.pulls("acme/app:1"));
}

fn explained(ada: &Person<'_>, ben: &Person<'_>, guest: &Person<'_>) {
    let told = ada.run("explain acme/app --as cleo");
    assert!(told.starts_with("cleo\tacme/app\twrite\n"), "{told}");
    assert!(told.contains("because\twrite\tthe team acme/backend was granted write"));
    assert!(told.contains("pull\tyes") && told.contains("delete\tcleo has the write role"));
    let own = guest.run("explain acme/app");
    assert!(
        own.contains("pull\tacme/app does not exist, or guest may not read it"),
        "{own}"
    );
    let refused = guest.fails("explain acme/app --as ben");
    assert!(refused.contains("does not exist, or guest"), "{refused}");
    ben.run("explain acme/app --as anonymous");
}

/// Whoever leaves loses everything at once.
fn departure(ada: &Person<'_>, ben: &Person<'_>, bot: &Person<'_>) {
    ada.run("org remove acme ben");
    assert!(!ben.pulls("acme/app:1"));
    let owned = ada.fails("org delete acme");
    assert!(owned.contains("still owns acme/app"), "{owned}");
    ada.run("service-account delete acme+bot");
    assert!(!bot.pulls("acme/app:1"));
    let report = ada.company.server.admin(&["verify", "--deep", "--json"]);
    assert!(report.contains("\"problems\": []"), "{report}");
}
