-- What packages tell about themselves.

-- `image`: from the annotations and labels of what was pushed; `edited`: by
-- hand, which counts where it says something.
CREATE TABLE package_about (
    package_id BIGINT NOT NULL REFERENCES package (id) ON DELETE CASCADE,
    origin TEXT NOT NULL CHECK (origin IN ('image', 'edited')),
    title TEXT,
    description TEXT,
    licenses TEXT,
    -- HOST/PATH of the source repository.
    source ctext,
    url TEXT,
    documentation TEXT,
    readme TEXT,
    PRIMARY KEY (package_id, origin)
);
CREATE INDEX package_about_source ON package_about (source) WHERE source IS NOT NULL;
