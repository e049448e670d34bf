//! Who may see a package.

use std::sync::Arc;

use wharf_db::{
    Conn, Tx, organizations,
    packages::{self, Visibility},
    visibilities,
};
use wharf_oci::Name;

use crate::{
    App, Error,
    authz::{By, Permit, facts::OwnerFacts, permit::Administer},
    change::Change,
};

impl App {
    /// Changes who may see a package, as widely as its owner allows.
    pub async fn set_visibility(
        self: &Arc<Self>,
        by: &By,
        package: &Name,
        visibility: Visibility,
    ) -> Result<(), Error> {
        let package = package.clone();
        let set = SetVisibility {
            package,
            visibility,
        };
        self.change(by, set).await
    }
}

/// How visible a new package of an owner begins: private, unless the owner has
/// a rule for the beginning of its name.
pub(crate) async fn of_new(
    conn: &mut Conn<'_>,
    owner_id: i64,
    path: &str,
) -> Result<Visibility, Error> {
    let name = path.split_once('/').map_or("", |(_, name)| name);
    let rules = visibilities::of_owner(conn, owner_id).await?;
    let fitting = rules
        .iter()
        .filter(|(prefix, _)| name.starts_with(prefix.as_str()));
    let longest = fitting.max_by_key(|(prefix, _)| prefix.len());
    Ok(longest.map_or(Visibility::Private, |(_, visibility)| *visibility))
}

struct SetVisibility {
    package: Name,
    visibility: Visibility,
}

impl Change for SetVisibility {
    type Output = ();

    async fn apply(&self, app: &Arc<App>, by: &By, tx: &mut Tx<'_>) -> Result<(), Error> {
        let permit = app.permit_in::<Administer>(tx, by, &self.package).await?;
        change(app, tx, &permit, self.visibility).await
    }
}

/// Changes who may see a package; those who own it are not held to what
/// members may.
pub(super) async fn change(
    app: &App,
    tx: &mut Tx<'_>,
    permit: &Permit<Administer>,
    visibility: Visibility,
) -> Result<(), Error> {
    if !permit.by_owning() {
        check_as(tx, permit.path(), permit.owner(), visibility).await?;
    }
    let now = app.clock.now();
    Ok(packages::set_visibility(tx, permit.package_id(), visibility, now).await?)
}

/// Whether a package may come to an owner as visible as it is, by a member.
pub(super) async fn check(
    conn: &mut Conn<'_>,
    permit: &Permit<Administer>,
    owner: &OwnerFacts,
) -> Result<(), Error> {
    check_as(conn, permit.path(), owner, permit.visibility()).await
}

async fn check_as(
    conn: &mut Conn<'_>,
    package: &str,
    owner: &OwnerFacts,
    visibility: Visibility,
) -> Result<(), Error> {
    let policy = organizations::policy(conn, owner.id).await?;
    if visibility <= policy.members_widest_visibility {
        return Ok(());
    }
    Err(Error::TooVisible {
        package: package.to_owned(),
        wanted: visibility.as_str(),
        allowed: policy.members_widest_visibility.as_str(),
        owner: owner.login.clone(),
    })
}
