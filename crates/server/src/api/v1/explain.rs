//! `/packages/{owner}/{name}/explain`

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wharf_app::packages::{Answer, Explanation, Reason};

use crate::{
    Site,
    api::{
        acting::{Acting, Failure},
        extract::{Package, Query},
    },
};

/// About whom.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// A user, a service account, or `anonymous`; you, unless said
    principal: Option<String>,
}

/// What somebody may do to a package, and why.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExplanationBody {
    package: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    renamed_to: Option<String>,
    principal: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    /// Everything that gives a role, highest first
    because: Vec<ReasonBody>,
    actions: Vec<AnswerBody>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ReasonBody {
    role: &'static str,
    reason: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct AnswerBody {
    /// pull, push, delete or administer
    action: &'static str,
    allowed: bool,
    /// What they would be told
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<String>,
}

impl From<Reason> for ReasonBody {
    fn from(reason: Reason) -> Self {
        Self {
            role: reason.role.as_str(),
            reason: reason.text,
        }
    }
}

impl From<Answer> for AnswerBody {
    fn from(answer: Answer) -> Self {
        Self {
            action: answer.action.as_str(),
            allowed: answer.refusal.is_none(),
            refusal: answer.refusal,
        }
    }
}

impl From<Explanation> for ExplanationBody {
    fn from(explanation: Explanation) -> Self {
        Self {
            package: explanation.package,
            renamed_to: explanation.renamed_to,
            principal: explanation.principal,
            role: explanation.role.map(wharf_db::grants::Role::as_str),
            because: explanation.because.into_iter().map(Into::into).collect(),
            actions: explanation.actions.into_iter().map(Into::into).collect(),
        }
    }
}

pub async fn show(
    State(site): State<Site>,
    Acting(by): Acting,
    Package(name): Package,
    Query(asked): Query<Asked>,
) -> Result<Json<ExplanationBody>, Failure> {
    let explained = site.app.explain(&by, &name, asked.principal.as_deref());
    Ok(Json(explained.await?.into()))
}
