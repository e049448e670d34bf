//! `ORGANIZATION/TEAM`.

use std::{fmt, str::FromStr};

use wharf_oci::{Login, name::LoginError};

/// A team as people name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamName {
    organization: Login,
    slug: Login,
}

impl TeamName {
    pub fn organization(&self) -> &str {
        self.organization.as_str()
    }

    /// The team's own name; shaped like a login.
    pub fn slug(&self) -> &str {
        self.slug.as_str()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TeamNameError {
    #[error("`{0}` is not a team: write ORGANIZATION/TEAM")]
    Shape(String),
    #[error(transparent)]
    Part(#[from] LoginError),
}

impl FromStr for TeamName {
    type Err = TeamNameError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let parts = s.split_once('/');
        let (organization, slug) = parts.ok_or_else(|| TeamNameError::Shape(s.to_owned()))?;
        Ok(Self {
            organization: organization.parse()?,
            slug: slug.parse()?,
        })
    }
}

impl fmt::Display for TeamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.organization, self.slug)
    }
}
