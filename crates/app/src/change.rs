//! Administrative changes: one shape for all of them, so that what must happen
//! around every one is written once.

use std::{future::Future, sync::Arc};

use wharf_db::{Tx, Write};

use crate::{App, Error, authz::By};

/// A change on somebody's word. It asks for its permit itself, inside the transaction.
pub(crate) trait Change: Send + Sync + 'static {
    type Output: Send + 'static;

    /// May run more than once; see [`Write::run`].
    fn apply(
        &self,
        app: &Arc<App>,
        by: &By,
        tx: &mut Tx<'_>,
    ) -> impl Future<Output = Result<Self::Output, Error>> + Send;
}

struct OnWord<C> {
    app: Arc<App>,
    by: By,
    change: C,
}

impl<C: Change> Write for OnWord<C> {
    type Output = C::Output;
    type Error = Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<C::Output, Error> {
        self.change.apply(&self.app, &self.by, tx).await
    }
}

impl App {
    /// Makes a change; by the time this returns, every request feels it.
    pub(crate) async fn change<C: Change>(
        self: &Arc<Self>,
        by: &By,
        change: C,
    ) -> Result<C::Output, Error> {
        let write = OnWord {
            app: Arc::clone(self),
            by: by.clone(),
            change,
        };
        self.write_and_void(write).await
    }
}
