-- Signing in: sessions, and second factors.

-- Only the SHA-256 of a session's value is kept.
CREATE TABLE session (
    id BIGINT PRIMARY KEY,
    account_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    hash ctext NOT NULL UNIQUE,
    -- What the client said it is, and where it came from.
    agent TEXT NOT NULL,
    address TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX session_account ON session (account_id, id);
CREATE INDEX session_expiry ON session (expires_at);

CREATE TABLE second_factor (
    account_id BIGINT PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    secret BYTEA NOT NULL,
    -- From then on it is asked for.
    confirmed_at BIGINT,
    -- Of the last code that was accepted: none is good twice.
    last_step BIGINT,
    -- A JSON list of the SHA-256 of what is left.
    recovery_codes TEXT NOT NULL
);
