//! What a request under `/v2` asks for: a method on a parsed path
//! (distribution-spec § Endpoints).

use http::Method;
use wharf_oci::{
    Digest, Name, Reference,
    path::{Path, UploadId},
};

use crate::{error::ApiError, extract::query_value};

macro_rules! operations {
    ($($operation:ident $(($($part:ty),+))? = $route:literal, $action:ident;)+) => {
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Operation {
            $($operation $(($($part),+))?),+
        }

        impl Operation {
            /// What each is called in metrics.
            pub const ROUTES: &[&str] = &[$($route),+];

            pub fn route(&self) -> &'static str {
                match self {
                    $(Self::$operation { .. } => $route),+
                }
            }

            /// What the policy is asked for.
            pub fn action(&self) -> Action {
                match self {
                    $(Self::$operation { .. } => Action::$action),+
                }
            }
        }
    };
}

/// In the words of a registry token's scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Pull,
    Push,
    Delete,
}

operations! {
    Base = "v2_base", Pull;
    Catalog = "v2_catalog", Pull;
    ListTags(Name) = "v2_tags", Pull;
    GetManifest(Name, Reference) = "v2_manifest_get", Pull;
    PutManifest(Name, Reference) = "v2_manifest_put", Push;
    DeleteManifest(Name, Reference) = "v2_manifest_delete", Delete;
    GetBlob(Name, Digest) = "v2_blob_get", Pull;
    HeadBlob(Name, Digest) = "v2_blob_head", Pull;
    DeleteBlob(Name, Digest) = "v2_blob_delete", Delete;
    BeginUpload(Name) = "v2_upload_begin", Push;
    UploadStatus(Name, UploadId) = "v2_upload_status", Push;
    AppendUpload(Name, UploadId) = "v2_upload_append", Push;
    FinishUpload(Name, UploadId) = "v2_upload_finish", Push;
    CancelUpload(Name, UploadId) = "v2_upload_cancel", Push;
    ListReferrers(Name, Digest) = "v2_referrers", Pull;
}

impl Operation {
    pub fn new(method: &Method, path: Path) -> Result<Self, ApiError> {
        let allow = allowed(&path);
        Ok(match (method.as_str(), path) {
            ("GET" | "HEAD", Path::Base) => Self::Base,
            ("GET" | "HEAD", Path::Catalog) => Self::Catalog,
            ("GET" | "HEAD", Path::Tags(name)) => Self::ListTags(name),
            ("GET" | "HEAD", Path::Manifest(name, reference)) => Self::GetManifest(name, reference),
            ("PUT", Path::Manifest(name, reference)) => Self::PutManifest(name, reference),
            ("DELETE", Path::Manifest(name, reference)) => Self::DeleteManifest(name, reference),
            ("GET", Path::Blob(name, digest)) => Self::GetBlob(name, digest),
            ("HEAD", Path::Blob(name, digest)) => Self::HeadBlob(name, digest),
            ("DELETE", Path::Blob(name, digest)) => Self::DeleteBlob(name, digest),
            ("POST", Path::Uploads(name)) => Self::BeginUpload(name),
            ("GET" | "HEAD", Path::Upload(name, id)) => Self::UploadStatus(name, id),
            ("PATCH", Path::Upload(name, id)) => Self::AppendUpload(name, id),
            ("PUT", Path::Upload(name, id)) => Self::FinishUpload(name, id),
            ("DELETE", Path::Upload(name, id)) => Self::CancelUpload(name, id),
            ("GET" | "HEAD", Path::Referrers(name, digest)) => Self::ListReferrers(name, digest),
            (method, _) => {
                let method = method.to_owned();
                return Err(ApiError::Method { method, allow });
            }
        })
    }

    /// The package it is about.
    pub fn package(&self) -> Option<&Name> {
        match self {
            Self::Base | Self::Catalog => None,
            Self::ListTags(name)
            | Self::GetManifest(name, _)
            | Self::PutManifest(name, _)
            | Self::DeleteManifest(name, _)
            | Self::GetBlob(name, _)
            | Self::HeadBlob(name, _)
            | Self::DeleteBlob(name, _)
            | Self::BeginUpload(name)
            | Self::UploadStatus(name, _)
            | Self::AppendUpload(name, _)
            | Self::FinishUpload(name, _)
            | Self::CancelUpload(name, _)
            | Self::ListReferrers(name, _) => Some(name),
        }
    }

    /// The scope that the challenge tells the client to ask for.
    pub fn scope(&self, query: Option<&str>) -> Option<String> {
        if *self == Self::Catalog {
            return Some("registry:catalog:*".to_owned());
        }
        let actions = match self.action() {
            Action::Pull => "pull",
            Action::Push => "pull,push",
            Action::Delete => "delete",
        };
        let own = format!("repository:{}:{actions}", self.package()?);
        let source = query_value(query, "from").and_then(|from| from.parse::<Name>().ok());
        Some(match source {
            Some(from) if matches!(self, Self::BeginUpload(_)) => {
                format!("{own} repository:{from}:pull")
            }
            _ => own,
        })
    }
}

impl Action {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Delete => "delete",
        }
    }
}

/// The methods of a path, for `Allow` (RFC 9110 §15.5.6).
fn allowed(path: &Path) -> &'static str {
    match path {
        Path::Base | Path::Catalog | Path::Tags(_) | Path::Referrers(..) => "GET, HEAD",
        Path::Manifest(..) => "GET, HEAD, PUT, DELETE",
        Path::Blob(..) => "GET, HEAD, DELETE",
        Path::Uploads(_) => "POST",
        Path::Upload(..) => "GET, HEAD, PATCH, PUT, DELETE",
    }
}
