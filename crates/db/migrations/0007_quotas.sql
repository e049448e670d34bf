-- What is stored for whom, and how much may be.

-- Content that a package holds, each once: a version has an edge to it, be it
-- live or restorable, or a lease was given for it that is not cleared up yet.
CREATE TABLE holding (
    package_id BIGINT NOT NULL REFERENCES package (id) ON DELETE CASCADE,
    digest ctext NOT NULL,
    -- Of the package.
    owner_id BIGINT NOT NULL REFERENCES account (id),
    size BIGINT NOT NULL,
    PRIMARY KEY (package_id, digest)
);
CREATE INDEX holding_owner ON holding (owner_id, digest, size);

-- What an owner may store. What is in use is kept up in every transaction that
-- changes it, for owners that have such a row only.
CREATE TABLE quota (
    account_id BIGINT PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    most_bytes BIGINT,
    most_packages BIGINT,
    most_tags BIGINT,
    bytes BIGINT NOT NULL,
    packages BIGINT NOT NULL,
    tags BIGINT NOT NULL
);
