//! What an owner stores is charged to its quota by the transaction that stores
//! it: no sum of parallel pushes is more than the limit.

use wharf_db::{
    Tx, accounts,
    quotas::{self, Amounts, Quota},
};
use wharf_oci::Size;

use crate::Error;

/// What a quota limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limited {
    Bytes,
    Packages,
    Tags,
}

impl Limited {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Packages => "packages",
            Self::Tags => "tags",
        }
    }

    /// So much of it, for people.
    fn shown(self, amount: i64) -> String {
        match (self, amount.unsigned_abs()) {
            (Self::Bytes, amount) => Size(amount).to_string(),
            (Self::Packages, 1) => "1 package".to_owned(),
            (Self::Tags, 1) => "1 tag".to_owned(),
            (_, amount) => format!("{amount} {}", self.as_str()),
        }
    }
}

/// Which limit a request would exceed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{owner} may store {} and has {}; this needs {} more: delete something for good (`wharf usage {owner}` shows what there is), or ask a site administrator for more room",
    .limited.shown(*.most), .limited.shown(*.used), .limited.shown(*.needed)
)]
pub struct QuotaExceeded {
    pub owner: String,
    pub limited: Limited,
    pub most: i64,
    /// Before the request.
    pub used: i64,
    pub needed: i64,
}

/// Charges a change to an owner, and refuses what is more than the owner may.
/// What becomes less is never refused.
pub(crate) async fn charge(tx: &mut Tx<'_>, owner_id: i64, change: Amounts) -> Result<(), Error> {
    if change == Amounts::default() {
        return Ok(());
    }
    let Some(quota) = quotas::charge(tx, owner_id, change).await? else {
        return Ok(());
    };
    for (limited, most, used, needed) in dimensions(&quota, change) {
        if let Some(most) = most.filter(|most| needed > 0 && used > *most) {
            let owner = accounts::find(tx, owner_id).await?;
            return Err(Error::QuotaExceeded(QuotaExceeded {
                owner: owner.map(|account| account.login).unwrap_or_default(),
                limited,
                most,
                used: used - needed,
                needed,
            }));
        }
    }
    Ok(())
}

/// What each limit is about: the most, what is used, and by how much that changed.
fn dimensions(quota: &Quota, change: Amounts) -> [(Limited, Option<i64>, i64, i64); 3] {
    let Quota { limits, used } = quota;
    [
        (Limited::Bytes, limits.bytes, used.bytes, change.bytes),
        (
            Limited::Packages,
            limits.packages,
            used.packages,
            change.packages,
        ),
        (Limited::Tags, limits.tags, used.tags, change.tags),
    ]
}
