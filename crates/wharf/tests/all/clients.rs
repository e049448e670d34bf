//! Docker, podman, skopeo and buildah against a running registry, with real images.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::process::{Process, run, text};
use crate::programs::{BUILDAH, DOCKER, PODMAN, SKOPEO, busybox, installed};

/// A server, and a place where clients keep what they must not mix up.
struct World {
    server: Process,
    dir: TempDir,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join("auth.json"), "{}").expect("written");
        let server = Process::start(&dir.path().join("data"));
        Self { server, dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, line: &str) -> Command {
        let mut words = line.split_whitespace();
        let program = words.next().expect("a program");
        let mut command = Command::new(program);
        command.args(self.options(program)).args(words);
        command.env("DOCKER_CONFIG", self.path("docker"));
        command.env("REGISTRY_AUTH_FILE", self.path("auth.json"));
        command
    }

    /// Options that keep a client's storage inside the test's directory.
    fn options(&self, program: &str) -> Vec<String> {
        let storage = |extra: &[&str]| {
            let (root, run) = (self.path("storage"), self.path("run"));
            let mut options = vec![
                "--root".to_owned(),
                root.display().to_string(),
                "--runroot".to_owned(),
                run.display().to_string(),
                "--storage-driver".to_owned(),
                "vfs".to_owned(),
            ];
            options.extend(extra.iter().map(ToString::to_string));
            options
        };
        match program {
            "podman" => storage(&["--cgroup-manager", "cgroupfs"]),
            "buildah" => storage(&[]),
            _ => Vec::new(),
        }
    }

    fn ok(&self, line: &str) -> String {
        self.ok_with(line, "")
    }

    fn ok_with(&self, line: &str, input: &str) -> String {
        let output = run(self.command(line), input);
        assert!(
            output.status.success(),
            "{line}\n{}{}",
            text(&output.stdout),
            text(&output.stderr)
        );
        text(&output.stdout).trim_end().to_owned()
    }

    /// Runs a command that must fail, and returns everything it said.
    fn fails(&self, line: &str) -> String {
        let output = run(self.command(line), "");
        assert!(!output.status.success(), "{line} succeeded");
        text(&output.stdout) + &text(&output.stderr)
    }

    fn login(&self, client: &str, user: &str, secret: &str) {
        let host = &self.server.host;
        let tls = if client == "docker" {
            ""
        } else {
            "--tls-verify=false"
        };
        self.ok_with(
            &format!("{client} login {tls} {host} -u {user} --password-stdin"),
            secret,
        );
    }
}

/// Imports busybox as an image of several layers, and returns its name.
fn docker_image(world: &World, name: &str) -> String {
    let dir = world.path("image");
    std::fs::create_dir_all(&dir).expect("a directory");
    std::fs::copy(busybox("amd64"), dir.join("busybox")).expect("copied");
    let unique = format!("{:?}", std::time::Instant::now());
    std::fs::write(dir.join("unique"), unique).expect("written");
    let dockerfile = "FROM scratch\nCOPY busybox /bin/busybox\nCOPY unique /unique\nCMD [\"/bin/busybox\", \"echo\", \"hello from wharf\"]\n";
    std::fs::write(dir.join("Dockerfile"), dockerfile).expect("written");
    let image = format!("{}/{name}", world.server.host);
    let line = format!("docker build -q -t {image} {}", dir.display());
    let mut build = world.command(&line);
    build.env("DOCKER_BUILDKIT", "0");
    let output = run(build, "");
    assert!(output.status.success(), "{}", text(&output.stderr));
    image
}

#[test]
fn docker_pushes_pulls_and_reads_the_errors() {
    if !installed(&[DOCKER]) {
        return;
    }
    let world = World::new();
    let image = docker_image(&world, "admin/app:1.0");
    world.login("docker", "admin", &world.server.admin_password());
    world.ok(&format!("docker push -q {image}"));
    let digest = world.ok(&format!(
        "docker inspect --format {{{{.RepoDigests}}}} {image}"
    ));
    let digest = digest.trim_matches(['[', ']']).to_owned();
    world.ok(&format!("docker rmi -f {image} {digest}"));
    world.ok(&format!("docker pull -q {image}"));
    assert_eq!(
        world.ok(&format!("docker run --rm {image}")),
        "hello from wharf"
    );
    world.ok(&format!("docker pull -q {digest}"));

    let orphan = format!("{}/ga-hit-counter", world.server.host);
    world.ok(&format!("docker tag {image} {orphan}"));
    let said = world.fails(&format!("docker push {orphan}"));
    let expected = format!(
        "ga-hit-counter has no owner: push to {}/admin/ga-hit-counter",
        world.server.host
    );
    assert!(said.contains(&expected), "{said}");

    let read_only = world.server.admin(&[
        "token",
        "create",
        "--user",
        "admin",
        "--scope",
        "read:packages",
    ]);
    world.login("docker", "anybody", read_only.trim_end());
    let said = world.fails(&format!("docker push {image}"));
    assert!(
        said.contains("this token lacks the scope write:packages (it has read:packages)"),
        "{said}"
    );

    world.ok(&format!("docker logout {}", world.server.host));
    let said = world.fails(&format!("docker pull {image}"));
    assert!(
        said.contains("admin/app is not public, or does not exist"),
        "{said}"
    );
    world
        .server
        .admin(&["package", "visibility", "admin/app", "public"]);
    world.ok(&format!("docker pull -q {image}"));
    let login = format!(
        "docker login {} -u admin --password-stdin",
        world.server.host
    );
    let output = run(world.command(&login), "wrong password");
    assert!(
        text(&output.stderr).contains("the user name or password is wrong"),
        "{}",
        text(&output.stderr)
    );
    world.ok(&format!("docker rmi -f {image} {orphan}"));
}

#[test]
fn podman_pushes_and_pulls() {
    if !installed(&[PODMAN, BUILDAH]) {
        return;
    }
    let world = World::new();
    let host = world.server.host.clone();
    let image = build(&world, "amd64");
    world.login("podman", "admin", &world.server.admin_token());
    world.ok(&format!("podman tag {image} {host}/admin/app:1"));
    world.ok(&format!(
        "podman push --tls-verify=false {host}/admin/app:1"
    ));
    world.ok(&format!("podman rmi -f {host}/admin/app:1"));
    world.ok(&format!(
        "podman pull --tls-verify=false {host}/admin/app:1"
    ));
    world.ok(&format!("podman tag {image} {host}/orphan:1"));
    let said = world.fails(&format!("podman push --tls-verify=false {host}/orphan:1"));
    assert!(said.contains("orphan has no owner"), "{said}");
    world.ok(&format!("podman logout {host}"));
    let said = world.fails(&format!(
        "podman pull --tls-verify=false {host}/admin/app:1"
    ));
    assert!(said.contains("is not public, or does not exist"), "{said}");
    world
        .server
        .admin(&["package", "visibility", "admin/app", "public"]);
    world.ok(&format!(
        "podman pull --tls-verify=false {host}/admin/app:1"
    ));
}

/// Builds a busybox image for an architecture with buildah; returns its name.
fn build(world: &World, architecture: &str) -> String {
    let container = world.ok(&format!("buildah from --arch {architecture} scratch"));
    let program = busybox(architecture);
    world.ok(&format!(
        "buildah copy {container} {} /bin/busybox",
        program.display()
    ));
    world.ok(&format!(
        "buildah config --arch {architecture} --cmd /bin/busybox {container}"
    ));
    world.ok(&format!(
        "buildah commit -q {container} localhost/{architecture}"
    ));
    format!("localhost/{architecture}")
}

#[test]
fn a_multi_arch_index_goes_in_and_out_with_its_digest() {
    if !installed(&[BUILDAH, SKOPEO]) {
        return;
    }
    let world = World::new();
    let host = world.server.host.clone();
    world.login("skopeo", "admin", &world.server.admin_token());
    world.ok("buildah manifest create multi");
    for architecture in ["amd64", "arm64"] {
        let image = build(&world, architecture);
        world.ok(&format!("buildah manifest add multi {image}"));
    }
    for (format, tag) in [("oci", "oci"), ("v2s2", "docker")] {
        world.ok(&format!(
            "buildah manifest push --tls-verify=false --all --format {format} multi docker://{host}/admin/multi:{tag}"
        ));
        let source = format!("docker://{host}/admin/multi:{tag}");
        let raw = world.ok(&format!("skopeo inspect --tls-verify=false --raw {source}"));
        assert!(raw.contains("amd64") && raw.contains("arm64"), "{raw}");
        let layout = world.path(&format!("layout-{tag}"));
        let layout = format!("dir:{}", layout.display());
        let tls = "--src-tls-verify=false --dest-tls-verify=false";
        world.ok(&format!("skopeo copy --all {tls} {source} {layout}"));
        let copy = format!("docker://{host}/admin/copy:{tag}");
        world.ok(&format!("skopeo copy --all {tls} {layout} {copy}"));
        let again = world.ok(&format!("skopeo inspect --tls-verify=false --raw {copy}"));
        assert_eq!(again, raw, "the bytes, and so the digest, are unchanged");
    }
}

#[test]
fn an_artifact_goes_in_and_out_with_its_digest() {
    if !installed(&[SKOPEO]) {
        return;
    }
    let world = World::new();
    let host = world.server.host.clone();
    world.login("skopeo", "admin", &world.server.admin_token());
    let layout = artifact_layout(&world.path("artifact"));
    let target = format!("docker://{host}/admin/artifact:1");
    world.ok(&format!(
        "skopeo copy --dest-tls-verify=false oci:{layout}:1 {target}"
    ));
    let pushed = world.ok(&format!("skopeo inspect --tls-verify=false --raw {target}"));
    let back = world.path("back");
    world.ok(&format!(
        "skopeo copy --src-tls-verify=false {target} oci:{}:1",
        back.display()
    ));
    let index = std::fs::read_to_string(back.join("index.json")).expect("there");
    assert!(
        index.contains(wharf_oci::Digest::sha256(pushed.as_bytes()).as_str()),
        "{index}"
    );
}

/// An OCI layout with one artifact: an empty config and a text layer.
fn artifact_layout(dir: &Path) -> String {
    use serde_json::json;
    let blobs = dir.join("blobs/sha256");
    std::fs::create_dir_all(&blobs).expect("a directory");
    let add = |media_type: &str, content: &str| {
        let digest = wharf_oci::Digest::sha256(content.as_bytes());
        std::fs::write(blobs.join(digest.hex()), content).expect("written");
        json!({"mediaType": media_type, "digest": digest, "size": content.len()})
    };
    let manifest = json!({
        "schemaVersion": 2, "mediaType": wharf_oci::media_type::OCI_MANIFEST,
        "artifactType": "application/vnd.example.note",
        "config": add(wharf_oci::media_type::OCI_EMPTY, "{}"),
        "layers": [add("text/plain", "a note")],
    });
    let mut descriptor = add(wharf_oci::media_type::OCI_MANIFEST, &manifest.to_string());
    descriptor["annotations"] = json!({"org.opencontainers.image.ref.name": "1"});
    let index = json!({"schemaVersion": 2, "manifests": [descriptor]});
    std::fs::write(dir.join("index.json"), index.to_string()).expect("written");
    std::fs::write(dir.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).expect("written");
    dir.display().to_string()
}
