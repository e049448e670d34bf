//! `/packages`, `/packages/{owner}/{name}`

use axum::{Json, extract::State};
use http::StatusCode;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};
use wharf_app::{
    clock::rfc3339,
    packages::{AboutChange, FieldEdit, PackageSummary, PackageView},
};
use wharf_db::packages::Visibility;

use crate::{
    Site,
    api::{
        acting::{Acting, Failure},
        extract::{Body, Package, Query, parse},
        page::{Page, limit},
    },
};

/// Who may see a package: those with a role, everybody signed in, everybody.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum VisibilityBody {
    Private,
    Internal,
    Public,
}

impl From<Visibility> for VisibilityBody {
    fn from(visibility: Visibility) -> Self {
        match visibility {
            Visibility::Private => Self::Private,
            Visibility::Internal => Self::Internal,
            Visibility::Public => Self::Public,
        }
    }
}

impl From<VisibilityBody> for Visibility {
    fn from(body: VisibilityBody) -> Self {
        match body {
            VisibilityBody::Private => Self::Private,
            VisibilityBody::Internal => Self::Internal,
            VisibilityBody::Public => Self::Public,
        }
    }
}

/// A package in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct PackageItem {
    id: i64,
    /// OWNER/NAME
    name: String,
    /// container
    r#type: &'static str,
    visibility: VisibilityBody,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// HOST/PATH of the repository it is built from
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    created_at: String,
    updated_at: String,
}

impl From<&PackageSummary> for PackageItem {
    fn from(summary: &PackageSummary) -> Self {
        let PackageSummary { package, about } = summary;
        Self {
            id: package.id,
            name: package.path.clone(),
            r#type: "container",
            visibility: package.visibility.into(),
            description: about.description.clone(),
            source: about.source.clone(),
            created_at: rfc3339(package.created_at),
            updated_at: rfc3339(package.updated_at),
        }
    }
}

/// A package.
#[derive(Debug, Serialize, ToSchema)]
pub struct PackageBody {
    #[serde(flatten)]
    item: PackageItem,
    owner: String,
    /// Who pushed first
    #[serde(skip_serializing_if = "Option::is_none")]
    created_by: Option<String>,
    /// The tag `latest`, or the highest release
    #[serde(skip_serializing_if = "Option::is_none")]
    latest: Option<String>,
    /// What you may do at most: read, write or admin
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    licenses: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    documentation: Option<String>,
    /// Markdown
    #[serde(skip_serializing_if = "Option::is_none")]
    readme: Option<String>,
    /// What to pull it by
    image: String,
}

fn body(site: &Site, view: PackageView) -> PackageBody {
    let item = PackageItem::from(&view.summary);
    let about = view.summary.about;
    PackageBody {
        image: format!("{}/{}", site.host, item.name),
        item,
        owner: view.owner,
        created_by: view.created_by,
        latest: view.latest,
        role: view.role.map(wharf_db::grants::Role::as_str),
        title: about.title,
        licenses: about.licenses,
        url: about.url,
        documentation: about.documentation,
        readme: about.readme,
    }
}

/// Which packages.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Listing {
    /// Of this user or organization alone
    owner: Option<String>,
    /// Whose names contain this
    search: Option<String>,
    /// `next` of the page before
    after: Option<String>,
    /// Items on a page: 1 to 100, 30 unless said
    limit: Option<u32>,
}

pub type PackagePage = Page<PackageItem>;

pub async fn list(
    State(site): State<Site>,
    Acting(by): Acting,
    Query(listing): Query<Listing>,
) -> Result<Json<PackagePage>, Failure> {
    let after = listing.after.unwrap_or_default();
    let (owner, search) = (listing.owner.as_deref(), listing.search.as_deref());
    let n = usize::try_from(limit(listing.limit)).unwrap_or(1);
    let (found, next) = site.app.packages(&by, owner, search, &after, n).await?;
    Ok(Json(Page {
        items: found.iter().map(PackageItem::from).collect(),
        next,
    }))
}

pub async fn show(
    State(site): State<Site>,
    Acting(by): Acting,
    Package(name): Package,
) -> Result<Json<PackageBody>, Failure> {
    let view = site.app.package(&by, &name).await?;
    Ok(Json(body(&site, view)))
}

/// What to change. Absent fields stay; `null` goes back to what the image says.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PackageEdit {
    visibility: Option<VisibilityBody>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    title: TextEdit,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    description: TextEdit,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    licenses: TextEdit,
    /// A repository on a forge
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    source: TextEdit,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    url: TextEdit,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    documentation: TextEdit,
    /// Markdown, at most 256 KiB
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    readme: TextEdit,
}

/// A text, `null`, or absent.
#[derive(Debug, Default)]
pub struct TextEdit(FieldEdit);

impl<'de> Deserialize<'de> for TextEdit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Option::deserialize(deserializer)?;
        Ok(Self(text.map_or(FieldEdit::Reset, FieldEdit::To)))
    }
}

pub async fn edit(
    State(site): State<Site>,
    Acting(by): Acting,
    Package(name): Package,
    Body(edit): Body<PackageEdit>,
) -> Result<StatusCode, Failure> {
    let about = AboutChange {
        title: edit.title.0,
        description: edit.description.0,
        licenses: edit.licenses.0,
        source: edit.source.0,
        url: edit.url.0,
        documentation: edit.documentation.0,
        readme: edit.readme.0,
    };
    let visibility = edit.visibility.map(Visibility::from);
    site.app.edit_package(&by, &name, visibility, about).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewName {
    /// OWNER/NAME; with another owner it is a transfer
    to: String,
}

pub async fn rename(
    State(site): State<Site>,
    Acting(by): Acting,
    Package(name): Package,
    Body(new): Body<NewName>,
) -> Result<StatusCode, Failure> {
    let to = parse("to", &new.to)?;
    site.app.rename_package(&by, &name, &to).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn former_names(
    State(site): State<Site>,
    Acting(by): Acting,
    Package(name): Package,
) -> Result<Json<Vec<String>>, Failure> {
    Ok(Json(site.app.former_names(&by, &name).await?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct FormerName {
    /// OWNER/NAME
    pub name: String,
}

pub async fn release_name(
    State(site): State<Site>,
    Acting(by): Acting,
    Package(package): Package,
    Query(former): Query<FormerName>,
) -> Result<StatusCode, Failure> {
    let former = parse("name", &former.name)?;
    site.app.release_name(&by, &package, &former).await?;
    Ok(StatusCode::NO_CONTENT)
}
