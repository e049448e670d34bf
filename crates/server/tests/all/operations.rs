//! `/livez`, `/readyz`, `/metrics`.

use reqwest::StatusCode;
use wharf_testkit::{Fault, TestRegistry};

#[tokio::test]
async fn liveness_readiness_and_metrics() {
    let registry = TestRegistry::start().await;
    let anonymous = registry.anonymous();
    assert_eq!(anonymous.get("/livez").await.status(), StatusCode::OK);
    assert_eq!(anonymous.get("/readyz").await.status(), StatusCode::OK);
    anonymous.get("/v2/").await;
    let metrics = anonymous.get("/metrics").await.text().await.expect("text");
    let line = r#"wharf_http_requests_total{method="GET",route="v2_base",status="401"} 1"#;
    assert!(metrics.contains(line), "{metrics}");
    assert!(metrics.ends_with("# EOF\n"));
}

#[tokio::test]
async fn a_full_store_is_alive_but_not_ready() {
    let registry = TestRegistry::start().await;
    registry.store.inject(Fault::WriteFull);
    let anonymous = registry.anonymous();
    assert_eq!(anonymous.get("/livez").await.status(), StatusCode::OK);
    assert_eq!(
        anonymous.get("/readyz").await.status(),
        StatusCode::SERVICE_UNAVAILABLE
    );
}
