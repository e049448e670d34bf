//! What packages tell about themselves: taken from images, or edited.

use crate::{Conn, Error, Tx};

statements! {
    FIND = "SELECT title, description, licenses, source, url, documentation, readme
        FROM package_about WHERE package_id = $1 AND origin = $2";
    PUT = "INSERT INTO package_about (package_id, origin, title, description, licenses, source,
            url, documentation, readme)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT (package_id, origin) DO UPDATE SET title = excluded.title,
            description = excluded.description, licenses = excluded.licenses,
            source = excluded.source, url = excluded.url,
            documentation = excluded.documentation, readme = excluded.readme";
}

/// Where it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// In annotations and labels of what was pushed.
    Image,
    /// By hand.
    Edited,
}

impl Origin {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Edited => "edited",
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct PackageAbout {
    pub title: Option<String>,
    pub description: Option<String>,
    pub licenses: Option<String>,
    /// HOST/PATH.
    pub source: Option<String>,
    pub url: Option<String>,
    pub documentation: Option<String>,
    /// Markdown.
    pub readme: Option<String>,
}

impl PackageAbout {
    /// This, and where it says nothing, the other.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            title: self.title.or(other.title),
            description: self.description.or(other.description),
            licenses: self.licenses.or(other.licenses),
            source: self.source.or(other.source),
            url: self.url.or(other.url),
            documentation: self.documentation.or(other.documentation),
            readme: self.readme.or(other.readme),
        }
    }
}

pub async fn find(
    conn: &mut Conn<'_>,
    package_id: i64,
    origin: Origin,
) -> Result<PackageAbout, Error> {
    let origin = origin.as_str();
    let row = query!(fetch_optional, conn, PackageAbout, FIND, package_id, origin)?;
    Ok(row.unwrap_or_default())
}

pub async fn put(
    tx: &mut Tx<'_>,
    package_id: i64,
    origin: Origin,
    about: &PackageAbout,
) -> Result<(), Error> {
    execute!(
        &mut **tx,
        PUT,
        package_id,
        origin.as_str(),
        &about.title,
        &about.description,
        &about.licenses,
        &about.source,
        &about.url,
        &about.documentation,
        &about.readme,
    )?;
    Ok(())
}
