//! The HTTP API beside the protocol: `/api/v1`, its `OpenAPI` document, badges.

mod acting;
mod badge;
mod badges;
mod endpoint;
mod extract;
mod local;
mod page;
mod v1;

use axum::{Json, Router, middleware::from_fn_with_state, routing::get};

pub(crate) use acting::From;
pub use acting::Operator;
use endpoint::Api;
pub use local::LocalApi;

use crate::Site;

/// Everything under `/api`, and the badges.
pub fn router(site: &Site) -> Router<Site> {
    let Api {
        router, document, ..
    } = v1::api();
    let served = get(async move || Json(document));
    let router = router.route("/openapi.json", served);
    let router = router
        .fallback(acting::nothing_here)
        .method_not_allowed_fallback(acting::method_not_allowed)
        .layer(from_fn_with_state(site.clone(), acting::serve));
    Router::new()
        .nest("/api/v1", router)
        .route("/badges/{owner}/{name}/{kind}", get(badges::show))
}

/// Method and path of every operation of `/api/v1`, for the tests that ask for each.
pub fn operations() -> Vec<(&'static str, &'static str)> {
    v1::api().operations
}
