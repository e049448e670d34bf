//! Service accounts: they act for an organization, with tokens and nothing
//! else. Each counts as a member of its organization.

use std::sync::Arc;

use wharf_db::{
    Tx,
    accounts::{self, Account, AccountKind, Profile},
};

use super::{ServiceAccountName, create, delete, find::find_service_account};
use crate::{App, Error, authz::By, change::Change};

impl App {
    pub async fn create_service_account(
        self: &Arc<Self>,
        by: &By,
        name: &ServiceAccountName,
        description: &str,
    ) -> Result<Account, Error> {
        if description.chars().count() > 256 || description.chars().any(char::is_control) {
            return Err(Error::Field {
                field: "description",
                reason: "it must be one line of at most 256 characters".to_owned(),
            });
        }
        let kind = AccountKind::ServiceAccount;
        let account = self.new_account(&name.to_string(), kind).await?;
        let profile = Profile {
            description: description.to_owned(),
            ..Profile::default()
        };
        let create = Create {
            name: name.clone(),
            account: Account { profile, ..account },
        };
        self.change(by, create).await
    }

    /// Deletes a service account; its tokens and grants end at once.
    pub async fn delete_service_account(
        self: &Arc<Self>,
        by: &By,
        name: &ServiceAccountName,
    ) -> Result<(), Error> {
        self.change(by, Delete(name.clone())).await
    }

    /// Up to `limit` service accounts of an organization after the login
    /// `after`, for its members.
    pub async fn service_accounts(
        &self,
        by: &By,
        organization: &str,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Account>, Error> {
        let mut reader = self.db.reader().await?;
        let conn = &mut reader.conn();
        let id = self.must_belong(conn, by, organization).await?;
        Ok(accounts::service_accounts(conn, id, after, limit).await?)
    }
}

struct Create {
    name: ServiceAccountName,
    account: Account,
}

impl Change for Create {
    type Output = Account;

    async fn apply(&self, app: &Arc<App>, by: &By, tx: &mut Tx<'_>) -> Result<Account, Error> {
        let organization = self.name.organization();
        let permit = app.permit_organization(tx, by, organization).await?;
        let id = permit.owner_id();
        let organization = accounts::find(tx, id).await?;
        let organization = organization.ok_or_else(|| Error::NoSuchOrganization {
            login: self.name.organization().to_owned(),
        })?;
        let account = Account {
            organization_id: Some(id),
            // As the organization is called now, whatever it was asked for as.
            login: format!("{}+{}", organization.login, self.name.name()),
            ..self.account.clone()
        };
        create::insert(tx, &account).await?;
        Ok(account)
    }
}

struct Delete(ServiceAccountName);

impl Change for Delete {
    type Output = ();

    async fn apply(&self, app: &Arc<App>, by: &By, tx: &mut Tx<'_>) -> Result<(), Error> {
        app.permit_organization(tx, by, self.0.organization())
            .await?;
        let account = find_service_account(tx, &self.0.to_string()).await?;
        delete::delete(tx, app, account.id).await
    }
}
