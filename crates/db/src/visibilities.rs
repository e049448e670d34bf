//! How visible an owner's new packages begin, by the beginning of their names.

use crate::{Conn, Error, Tx, packages::Visibility};

statements! {
    OF_OWNER = "SELECT prefix, visibility FROM default_visibility WHERE owner_id = $1
        ORDER BY prefix";
    PUT = "INSERT INTO default_visibility (owner_id, prefix, visibility) VALUES ($1, $2, $3)
        ON CONFLICT (owner_id, prefix) DO UPDATE SET visibility = excluded.visibility";
    REMOVE = "DELETE FROM default_visibility WHERE owner_id = $1 AND prefix = $2";
}

/// An owner's rules in order of their prefixes.
pub async fn of_owner(
    conn: &mut Conn<'_>,
    owner_id: i64,
) -> Result<Vec<(String, Visibility)>, Error> {
    let rows = query!(fetch_all, conn, (String, String), OF_OWNER, owner_id)?;
    let parsed = rows.into_iter().map(|(prefix, visibility)| {
        let parsed = Visibility::parse(&visibility);
        let unreadable = || Error::unreadable("visibility", &visibility);
        Ok((prefix, parsed.ok_or_else(unreadable)?))
    });
    parsed.collect()
}

pub async fn put(
    tx: &mut Tx<'_>,
    owner_id: i64,
    prefix: &str,
    visibility: Visibility,
) -> Result<(), Error> {
    execute!(&mut **tx, PUT, owner_id, prefix, visibility.as_str())?;
    Ok(())
}

/// Whether there was such a rule.
pub async fn remove(tx: &mut Tx<'_>, owner_id: i64, prefix: &str) -> Result<bool, Error> {
    Ok(execute!(&mut **tx, REMOVE, owner_id, prefix)? > 0)
}
