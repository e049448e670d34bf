//! Paging of lists: `n` and `last` (distribution-spec § Listing tags).

use wharf_oci::ErrorCode;

use super::Call;
use crate::error::ApiError;

/// Page size when the client names none, and the most it gets.
pub const MAX: usize = 1000;
/// Longest `last`, in bytes: more than any tag, digest or name.
const MAX_LAST: usize = 1024;

/// Where a page begins and how long it may be.
#[derive(Debug)]
pub struct PageRequest {
    pub n: usize,
    pub last: String,
}

pub fn request(call: &Call) -> Result<PageRequest, ApiError> {
    let n = match call.query("n") {
        Some(text) => parse_n(&text)?,
        None => MAX,
    };
    let last = call.query("last").unwrap_or_default();
    if last.len() > MAX_LAST {
        let reason = format!("at most {MAX_LAST} bytes");
        let code = ErrorCode::PaginationNumberInvalid;
        return Err(ApiError::parameter("last", &last, code, reason));
    }
    Ok(PageRequest { n, last })
}

/// Digits only; more than [`MAX`] means [`MAX`].
fn parse_n(text: &str) -> Result<usize, ApiError> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        let reason = "it must be a whole number, 0 or more";
        let code = ErrorCode::PaginationNumberInvalid;
        return Err(ApiError::parameter("n", text, code, reason));
    }
    Ok(text.parse().unwrap_or(MAX).min(MAX))
}
