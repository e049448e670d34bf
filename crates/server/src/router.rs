//! Every route. None is registered elsewhere.

use axum::{
    Router,
    middleware::from_fn_with_state,
    routing::{any, get},
};

use crate::{Site, api, middleware, ops, sign_in, token, v2};

pub fn router(site: Site) -> Router {
    Router::new()
        // Clients: the distribution protocol and its tokens.
        .route("/v2", any(v2::dispatch))
        .route("/v2/", any(v2::dispatch))
        .route("/v2/{*path}", any(v2::dispatch))
        .route("/token", get(token::get).post(token::post))
        // People and their tools.
        .merge(api::router(&site))
        // Browsers, on their way to an identity provider and back.
        .route("/sign-in/{provider}", get(sign_in::begin))
        .route("/sign-in/{provider}/callback", get(sign_in::callback))
        // Operators.
        .route("/livez", get(ops::livez))
        .route("/readyz", get(ops::readyz))
        .route("/metrics", get(ops::metrics))
        .fallback(ops::not_found)
        .layer(from_fn_with_state(site.clone(), middleware::observe))
        .with_state(site)
}
