-- The registry: accounts, tokens, packages, versions, tags, blobs, uploads.
--
-- One text for SQLite and PostgreSQL (docs/decisions/0002): ids are BIGINT made by the
-- application, instants are BIGINT microseconds since 1970, JSON is TEXT,
-- and `ctext` is text that sorts by its bytes on both engines.

-- Ids are reserved in blocks: unique on all replicas without a round trip each.
CREATE TABLE id_block (
    name ctext PRIMARY KEY,
    next BIGINT NOT NULL
);
INSERT INTO id_block (name, next) VALUES ('id', 1);

-- Raised in the transaction of every change that can take access away; caches
-- that were filled under an older value are void.
CREATE TABLE epoch (
    name ctext PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO epoch (name, value) VALUES ('authorization', 1);

CREATE TABLE signing_key (
    id ctext PRIMARY KEY,
    private_key BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);

-- Whoever acts or owns packages: users, organizations and service accounts by
-- login, upstreams by host. A deleted one keeps its row, and so its login.
CREATE TABLE account (
    id BIGINT PRIMARY KEY,
    login ctext NOT NULL UNIQUE,
    kind TEXT NOT NULL
        CHECK (kind IN ('user', 'organization', 'service_account', 'upstream')),
    -- Of service accounts: whose they are. Their login is ORGANIZATION+NAME.
    organization_id BIGINT REFERENCES account (id),
    site_admin BOOLEAN NOT NULL,
    password_hash TEXT,
    name TEXT NOT NULL DEFAULT '',
    description TEXT NOT NULL DEFAULT '',
    url TEXT NOT NULL DEFAULT '',
    disabled_at BIGINT,
    deleted_at BIGINT,
    created_at BIGINT NOT NULL
);
CREATE INDEX account_organization ON account (organization_id, login)
    WHERE organization_id IS NOT NULL;

-- Logins that were renamed: they lead to the account, and nobody else gets them.
CREATE TABLE former_login (
    login ctext PRIMARY KEY,
    account_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    renamed_at BIGINT NOT NULL
);
CREATE INDEX former_login_account ON former_login (account_id);

CREATE TABLE membership (
    organization_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    user_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    role TEXT NOT NULL CHECK (role IN ('owner', 'member')),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (organization_id, user_id)
);
CREATE INDEX membership_user ON membership (user_id, organization_id);

-- Tokens of users and service accounts. Only the SHA-256 of the value is kept.
CREATE TABLE token (
    id BIGINT PRIMARY KEY,
    account_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    hash ctext NOT NULL UNIQUE,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    -- JSON: what it is limited to beyond its scopes (fine-grained tokens).
    limits TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    last_used_at BIGINT,
    revoked_at BIGINT
);
CREATE INDEX token_account ON token (account_id, id);

CREATE TABLE package (
    id BIGINT PRIMARY KEY,
    owner_id BIGINT NOT NULL REFERENCES account (id),
    type TEXT NOT NULL CHECK (type IN ('container', 'npm', 'maven', 'nuget', 'rubygems')),
    -- OWNER/NAME, as it is addressed.
    path ctext NOT NULL,
    visibility TEXT NOT NULL CHECK (visibility IN ('private', 'internal', 'public')),
    created_by BIGINT REFERENCES account (id),
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    -- Set by the first manifest. Until then the package exists only for its uploads.
    published_at BIGINT,
    -- The repository it is built from, if its owner has connected it.
    repository_id BIGINT,
    -- Whether whoever has a role on that repository has it here.
    inherits_access BOOLEAN NOT NULL DEFAULT FALSE,
    -- A deleted package can be restored for a while; its name stays taken.
    deleted_at BIGINT,
    deleted_by BIGINT REFERENCES account (id),
    UNIQUE (type, path)
);
CREATE INDEX package_owner ON package (owner_id, path);
CREATE INDEX package_visibility ON package (visibility, path);
CREATE INDEX package_repository ON package (repository_id) WHERE repository_id IS NOT NULL;
CREATE INDEX package_deleted ON package (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX package_unpublished ON package (created_at) WHERE published_at IS NULL;

-- Names that packages had before: they lead to the package, and nothing else
-- can be created there.
CREATE TABLE package_redirect (
    type TEXT NOT NULL,
    path ctext NOT NULL,
    package_id BIGINT NOT NULL REFERENCES package (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (type, path)
);
CREATE INDEX package_redirect_package ON package_redirect (package_id);

-- Content that is stored. The object's key is digest + generation; a content
-- that was removed and pushed again has another generation.
CREATE TABLE blob (
    digest ctext PRIMARY KEY,
    generation ctext NOT NULL,
    size BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    -- Set by garbage collection; every lease clears it.
    condemned_at BIGINT
);

-- "You may rely on this blob": given with every answer that says so to a writer.
CREATE TABLE lease (
    package_id BIGINT NOT NULL REFERENCES package (id) ON DELETE CASCADE,
    digest ctext NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (package_id, digest)
);
CREATE INDEX lease_digest ON lease (digest, expires_at);
CREATE INDEX lease_expiry ON lease (expires_at);

-- Objects whose bytes must go: written in the transaction that gave them up,
-- worked off afterwards, any number of times.
CREATE TABLE removal (
    digest ctext NOT NULL,
    generation ctext NOT NULL,
    queued_at BIGINT NOT NULL,
    PRIMARY KEY (digest, generation)
);

-- A manifest of a package.
CREATE TABLE version (
    id BIGINT PRIMARY KEY,
    package_id BIGINT NOT NULL REFERENCES package (id) ON DELETE CASCADE,
    digest ctext NOT NULL,
    media_type TEXT NOT NULL,
    artifact_type ctext,
    subject ctext,
    annotations TEXT NOT NULL,
    size BIGINT NOT NULL,
    -- A JSON list of os/architecture[/variant].
    platforms TEXT NOT NULL,
    -- Bytes of its blobs, each once; of an index, of its images.
    content_size BIGINT NOT NULL,
    -- A JSON object of strings: the labels of an image's config.
    labels TEXT NOT NULL,
    pushed_by BIGINT REFERENCES account (id),
    created_at BIGINT NOT NULL,
    -- What is pushed again is part of a push under way.
    last_pushed_at BIGINT NOT NULL,
    -- A deleted version can be restored for a while, with the tags it had (JSON).
    deleted_at BIGINT,
    deleted_by BIGINT REFERENCES account (id),
    deleted_tags TEXT,
    UNIQUE (package_id, digest)
);
CREATE INDEX version_newest ON version (package_id, id) WHERE deleted_at IS NULL;
CREATE INDEX version_deleted ON version (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX version_deleted_newest ON version (package_id, id) WHERE deleted_at IS NOT NULL;
CREATE INDEX version_subject ON version (package_id, subject, digest) WHERE subject IS NOT NULL;
CREATE INDEX version_subject_type ON version (package_id, subject, artifact_type, digest)
    WHERE subject IS NOT NULL;

-- The manifest's bytes, exactly as pushed.
CREATE TABLE version_content (
    version_id BIGINT PRIMARY KEY REFERENCES version (id) ON DELETE CASCADE,
    bytes BYTEA NOT NULL
);

-- Edges to blobs: config and layers. A foreign layer's edge may lead nowhere.
CREATE TABLE version_blob (
    version_id BIGINT NOT NULL REFERENCES version (id) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    package_id BIGINT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('config', 'layer')),
    digest ctext NOT NULL,
    media_type TEXT NOT NULL,
    size BIGINT NOT NULL,
    is_foreign BOOLEAN NOT NULL,
    PRIMARY KEY (version_id, position)
);
CREATE INDEX version_blob_digest ON version_blob (digest, package_id);

-- Edges to the manifests of an index.
CREATE TABLE version_child (
    version_id BIGINT NOT NULL REFERENCES version (id) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    package_id BIGINT NOT NULL,
    digest ctext NOT NULL,
    media_type TEXT NOT NULL,
    size BIGINT NOT NULL,
    platform TEXT,
    PRIMARY KEY (version_id, position)
);
CREATE INDEX version_child_digest ON version_child (package_id, digest);

CREATE TABLE tag (
    package_id BIGINT NOT NULL REFERENCES package (id) ON DELETE CASCADE,
    name ctext NOT NULL,
    version_id BIGINT NOT NULL REFERENCES version (id) ON DELETE CASCADE,
    updated_at BIGINT NOT NULL,
    updated_by BIGINT REFERENCES account (id),
    PRIMARY KEY (package_id, name)
);
CREATE INDEX tag_version ON tag (version_id, name);

-- Every move of every tag, for history and rollback. No digest: the tag was removed.
CREATE TABLE tag_event (
    package_id BIGINT NOT NULL REFERENCES package (id) ON DELETE CASCADE,
    tag ctext NOT NULL,
    -- Counts the moves of this tag.
    move BIGINT NOT NULL,
    digest ctext,
    previous ctext,
    actor_id BIGINT REFERENCES account (id),
    at BIGINT NOT NULL,
    PRIMARY KEY (package_id, tag, move)
);

-- Open uploads. Whatever bytes an upload has in the store are found by its id.
CREATE TABLE upload (
    id ctext PRIMARY KEY,
    package_id BIGINT NOT NULL REFERENCES package (id) ON DELETE CASCADE,
    user_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    -- Of the package.
    owner_id BIGINT NOT NULL REFERENCES account (id),
    algorithm TEXT NOT NULL,
    received BIGINT NOT NULL,
    -- Bytes that the owner's quota is charged for it: what was received, and
    -- what was promised room until then.
    reserved BIGINT NOT NULL,
    reserved_until BIGINT NOT NULL,
    hash_state BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX upload_expiry ON upload (expires_at);
CREATE INDEX upload_owner ON upload (owner_id);
CREATE INDEX upload_package ON upload (package_id);
CREATE INDEX upload_reservation ON upload (reserved_until) WHERE reserved > received;
CREATE INDEX upload_user ON upload (user_id);
