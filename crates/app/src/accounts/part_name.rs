//! What belongs to an organization by name: `ORGANIZATION/TEAM`, and
//! `ORGANIZATION+NAME` for service accounts.

use std::{fmt, str::FromStr};

use wharf_oci::{Login, name::LoginError, source_repository::SourceRepositoryError};

/// A team as people name it.
pub type TeamName = PartName<'/'>;
/// A service account as people name it, which is also its login.
pub type ServiceAccountName = PartName<'+'>;

/// An organization's login, a separator, and a name shaped like a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartName<const SEPARATOR: char> {
    organization: Login,
    name: Login,
}

impl<const SEPARATOR: char> PartName<SEPARATOR> {
    pub fn organization(&self) -> &str {
        self.organization.as_str()
    }

    /// The part's own name.
    pub fn name(&self) -> &str {
        self.name.as_str()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PartNameError {
    #[error("`{0}` is not a team: write ORGANIZATION/TEAM")]
    Team(String),
    #[error("`{0}` is not a service account: write ORGANIZATION+NAME")]
    ServiceAccount(String),
    #[error(transparent)]
    Repository(SourceRepositoryError),
    #[error(transparent)]
    Part(#[from] LoginError),
}

impl<const SEPARATOR: char> FromStr for PartName<SEPARATOR> {
    type Err = PartNameError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let Some((organization, name)) = s.split_once(SEPARATOR) else {
            let shown = s.chars().take(100).collect();
            return Err(match SEPARATOR {
                '+' => PartNameError::ServiceAccount(shown),
                _ => PartNameError::Team(shown),
            });
        };
        Ok(Self {
            organization: organization.parse()?,
            name: name.parse()?,
        })
    }
}

impl<const SEPARATOR: char> fmt::Display for PartName<SEPARATOR> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{SEPARATOR}{}", self.organization, self.name)
    }
}
