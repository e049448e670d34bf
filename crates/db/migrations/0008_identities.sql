-- Signing in elsewhere: who somebody is at an identity provider, and what of
-- that decides about teams.

-- A user as a provider of the configuration knows them, by its immutable subject.
CREATE TABLE identity (
    id BIGINT PRIMARY KEY,
    account_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    provider ctext NOT NULL,
    subject ctext NOT NULL,
    -- What the provider calls them, for people to read.
    name TEXT NOT NULL,
    -- With it the provider is asked again; none: it gives nothing to ask with.
    refresh_token TEXT,
    created_at BIGINT NOT NULL,
    -- When the provider last said that this is so; none: only an administrator has.
    confirmed_at BIGINT,
    -- The provider no longer says so, or has not for too long.
    ended_at BIGINT,
    UNIQUE (provider, subject)
);
CREATE INDEX identity_account ON identity (account_id);
CREATE INDEX identity_confirmed ON identity (confirmed_at) WHERE ended_at IS NULL;

-- The groups the provider named, all of them.
CREATE TABLE identity_group (
    identity_id BIGINT NOT NULL REFERENCES identity (id) ON DELETE CASCADE,
    name ctext NOT NULL,
    PRIMARY KEY (identity_id, name)
);
CREATE INDEX identity_group_name ON identity_group (name, identity_id);

-- Groups of a provider whose members are in a team.
CREATE TABLE team_group (
    team_id BIGINT NOT NULL REFERENCES team (id) ON DELETE CASCADE,
    provider ctext NOT NULL,
    name ctext NOT NULL,
    PRIMARY KEY (team_id, provider, name)
);
CREATE INDEX team_group_name ON team_group (provider, name, team_id);

-- A session that an identity began ends with it.
ALTER TABLE session ADD COLUMN identity_id BIGINT REFERENCES identity (id) ON DELETE CASCADE;

-- Sign-ins under way at a provider, by the SHA-256 of their state. Each is good once.
CREATE TABLE sign_in (
    state_hash ctext PRIMARY KEY,
    provider ctext NOT NULL,
    -- SHA-256 of what only the browser knows that began it.
    browser_hash ctext NOT NULL,
    nonce TEXT NOT NULL,
    verifier TEXT NOT NULL,
    -- Where the program waits that wants the session, and what it can prove.
    return_to TEXT NOT NULL,
    return_state TEXT NOT NULL,
    challenge TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX sign_in_expiry ON sign_in (expires_at);

-- Sign-ins that succeeded, for their program to fetch, by the SHA-256 of a code. Once.
CREATE TABLE sign_in_code (
    hash ctext PRIMARY KEY,
    identity_id BIGINT NOT NULL REFERENCES identity (id) ON DELETE CASCADE,
    challenge TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX sign_in_code_expiry ON sign_in_code (expires_at);

-- Who is in a team: who was put there, and whom a provider's group puts there.
CREATE VIEW team_membership AS
    SELECT team_id, user_id FROM team_member
    UNION
    SELECT g.team_id, i.account_id AS user_id FROM team_group g
    JOIN identity_group ig ON ig.name = g.name
    JOIN identity i ON i.id = ig.identity_id
    WHERE i.provider = g.provider AND i.ended_at IS NULL;

-- Who belongs to an organization: its members, and whoever is in one of its teams.
CREATE VIEW organization_membership AS
    SELECT organization_id, user_id, role FROM membership
    UNION
    SELECT t.organization_id, i.account_id AS user_id, 'member' AS role FROM team_group g
    JOIN team t ON t.id = g.team_id
    JOIN identity_group ig ON ig.name = g.name
    JOIN identity i ON i.id = ig.identity_id
    WHERE i.provider = g.provider AND i.ended_at IS NULL
    AND NOT EXISTS (SELECT 1 FROM membership m
        WHERE m.organization_id = t.organization_id AND m.user_id = i.account_id);
