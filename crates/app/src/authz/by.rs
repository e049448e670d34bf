//! On whose word something is administered.

use crate::authn::Caller;

#[derive(Debug, Clone)]
pub enum By {
    /// Somebody at the server's own store: whoever can write there needs no permission.
    Operator,
    Caller(Caller),
}
