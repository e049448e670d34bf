-- Patterns of tags that, once they exist, neither move nor go: of one package,
-- or of all packages of an owner.

CREATE TABLE package_immutable_tag (
    package_id BIGINT NOT NULL REFERENCES package (id) ON DELETE CASCADE,
    pattern ctext NOT NULL,
    created_by BIGINT REFERENCES account (id),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (package_id, pattern)
);

CREATE TABLE account_immutable_tag (
    account_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    pattern ctext NOT NULL,
    created_by BIGINT REFERENCES account (id),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, pattern)
);
