-- How often packages, versions and tags were asked for, by day.
CREATE TABLE download (
    package_id BIGINT NOT NULL REFERENCES package (id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('package', 'version', 'tag')),
    -- A digest or a tag; empty for the package.
    name ctext NOT NULL,
    -- Since 1970-01-01 UTC.
    day BIGINT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (package_id, kind, name, day)
);
