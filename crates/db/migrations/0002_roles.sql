-- Roles: teams, grants on packages, and what organizations let their members do.

-- A team of an organization. One below another has its grants too (one level).
CREATE TABLE team (
    id BIGINT PRIMARY KEY,
    organization_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    slug ctext NOT NULL,
    parent_id BIGINT REFERENCES team (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    UNIQUE (organization_id, slug)
);
CREATE INDEX team_parent ON team (parent_id) WHERE parent_id IS NOT NULL;

CREATE TABLE team_member (
    team_id BIGINT NOT NULL REFERENCES team (id) ON DELETE CASCADE,
    user_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    PRIMARY KEY (team_id, user_id)
);
CREATE INDEX team_member_user ON team_member (user_id, team_id);

-- A role on a package beyond what its owner has. An expired one stays to be seen.
CREATE TABLE package_grant (
    package_id BIGINT NOT NULL REFERENCES package (id) ON DELETE CASCADE,
    principal_kind TEXT NOT NULL CHECK (principal_kind IN ('account', 'team', 'source_repository')),
    principal_id BIGINT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('read', 'write', 'admin')),
    granted_by BIGINT REFERENCES account (id),
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    PRIMARY KEY (package_id, principal_kind, principal_id)
);
CREATE INDEX package_grant_principal ON package_grant (principal_kind, principal_id, package_id);

-- What an organization's members may do without being owners. No row: the defaults.
CREATE TABLE organization_policy (
    organization_id BIGINT PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    members_may_create BOOLEAN NOT NULL,
    -- The widest visibility that members may give to a package.
    members_widest_visibility TEXT NOT NULL
        CHECK (members_widest_visibility IN ('private', 'internal', 'public')),
    -- Whether a package that says where it is built inherits that repository's access.
    inherit_by_default BOOLEAN NOT NULL
);

-- How visible an owner's new packages begin: the longest prefix that fits counts.
CREATE TABLE default_visibility (
    owner_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    prefix ctext NOT NULL,
    visibility TEXT NOT NULL CHECK (visibility IN ('private', 'internal', 'public')),
    PRIMARY KEY (owner_id, prefix)
);

-- Repositories on forges that an owner has connected: packages are linked to
-- them, and their CI may be granted roles.
CREATE TABLE source_repository (
    id BIGINT PRIMARY KEY,
    owner_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    -- HOST/PATH in lowercase.
    key ctext NOT NULL,
    -- As it is written.
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (owner_id, key)
);

-- Roles on all packages that inherit a repository's access.
CREATE TABLE source_repository_grant (
    repository_id BIGINT NOT NULL REFERENCES source_repository (id) ON DELETE CASCADE,
    principal_kind TEXT NOT NULL CHECK (principal_kind IN ('account', 'team')),
    principal_id BIGINT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('read', 'write', 'admin')),
    granted_by BIGINT REFERENCES account (id),
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    PRIMARY KEY (repository_id, principal_kind, principal_id)
);
CREATE INDEX source_repository_grant_principal
    ON source_repository_grant (principal_kind, principal_id);
