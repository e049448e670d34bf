//! Statements as named constants, and the macros that run one text on either engine.

/// Declares statements and lists them in `STATEMENTS`.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $sql:expr;)+) => {
        $($(#[$doc])* const $name: &str = $sql;)+
        pub(crate) const STATEMENTS: &[(&str, &str)] = &[$((stringify!($name), $name)),+];
    };
}

/// Runs a query on whichever engine the connection belongs to. `$how` is one
/// of sqlx's fetch methods; each argument is bound in order as `$1`, `$2`, …
macro_rules! query {
    ($how:ident, $conn:expr, $row:ty, $sql:expr $(, $arg:expr)* $(,)?) => {
        match $conn {
            $crate::engine::Conn::Sqlite(c) => {
                sqlx::query_as::<_, $row>($sql)$(.bind($arg))*.$how(&mut **c).await
            }
            $crate::engine::Conn::Postgres(c) => {
                sqlx::query_as::<_, $row>($sql)$(.bind($arg))*.$how(&mut **c).await
            }
        }
        .map_err($crate::Error::from)
    };
}

/// Runs a statement that returns nothing; yields the number of rows it touched.
macro_rules! execute {
    ($conn:expr, $sql:expr $(, $arg:expr)* $(,)?) => {
        match $conn {
            $crate::engine::Conn::Sqlite(c) => {
                sqlx::query($sql)$(.bind($arg))*.execute(&mut **c).await.map(|r| r.rows_affected())
            }
            $crate::engine::Conn::Postgres(c) => {
                sqlx::query($sql)$(.bind($arg))*.execute(&mut **c).await.map(|r| r.rows_affected())
            }
        }
        .map_err($crate::Error::from)
    };
}
