//! The error envelope of the distribution specification (§ Error codes).
//!
//! Clients print `message`, so every message says what to do next.

use http::StatusCode;
use serde::Serialize;
use serde_json::Value;

/// Error codes: the specification's, and the few that registries added in
/// the field (marked).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ErrorCode {
    BlobUnknown,
    BlobUploadInvalid,
    BlobUploadUnknown,
    DigestInvalid,
    ManifestBlobUnknown,
    ManifestInvalid,
    ManifestUnknown,
    NameInvalid,
    NameUnknown,
    SizeInvalid,
    Unauthorized,
    Denied,
    Unsupported,
    #[serde(rename = "TOOMANYREQUESTS")]
    TooManyRequests,
    /// Field: a range that does not continue the upload, or lies outside the blob.
    RangeInvalid,
    /// Field: a bad `n` or `last`.
    PaginationNumberInvalid,
    /// Field: a malformed tag.
    TagInvalid,
    /// Field: a back end is down; try again.
    Unavailable,
    /// Ours, beside the protocol: a field or its value.
    Invalid,
    /// Ours, beside the protocol: it would break what is there.
    Conflict,
    /// Ours, beside the protocol.
    NotFound,
    /// Field: our fault.
    Unknown,
}

impl ErrorCode {
    /// The status that goes with the code where nothing more specific is said.
    pub fn status(self) -> StatusCode {
        match self {
            Self::BlobUnknown
            | Self::BlobUploadUnknown
            | Self::ManifestUnknown
            | Self::NameUnknown
            | Self::NotFound => StatusCode::NOT_FOUND,
            Self::BlobUploadInvalid
            | Self::DigestInvalid
            | Self::ManifestBlobUnknown
            | Self::ManifestInvalid
            | Self::NameInvalid
            | Self::SizeInvalid
            | Self::PaginationNumberInvalid
            | Self::TagInvalid
            | Self::Invalid => StatusCode::BAD_REQUEST,
            Self::Conflict => StatusCode::CONFLICT,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Denied => StatusCode::FORBIDDEN,
            Self::Unsupported => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::RangeInvalid => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unknown => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// The JSON body of every error under `/v2` and `/token`.
#[derive(Debug, Clone, Serialize)]
pub struct ErrorEnvelope {
    pub errors: Vec<ErrorEntry>,
}

#[derive(Debug, Clone, Serialize)]
pub struct ErrorEntry {
    pub code: ErrorCode,
    pub message: String,
    #[serde(skip_serializing_if = "Value::is_null")]
    pub detail: Value,
}

impl ErrorEnvelope {
    pub fn one(code: ErrorCode, message: impl Into<String>, detail: Value) -> Self {
        Self {
            errors: vec![ErrorEntry {
                code,
                message: message.into(),
                detail,
            }],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_spelled_as_clients_know_them() {
        let text = |code| serde_json::to_value(code).expect("a string");
        assert_eq!(
            text(ErrorCode::ManifestBlobUnknown),
            "MANIFEST_BLOB_UNKNOWN"
        );
        assert_eq!(text(ErrorCode::TooManyRequests), "TOOMANYREQUESTS");
        assert_eq!(text(ErrorCode::Denied), "DENIED");
    }
}
