//! Why a use case did not happen. The text is what a user reads: what
//! happened, to what, and what to do next.

use wharf_blob_store::{StoreError, StoreErrorKind};
use wharf_db::{ErrorKind, WriteError};
use wharf_oci::{Digest, ErrorCode, Reference, manifest::ManifestError, name::LoginError};

use crate::{
    authn::{Rejected, password::PasswordError},
    authz::{Refusal, ScopeError},
    quota::QuotaExceeded,
    sign_in::SignInError,
};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The policy said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A credential was presented that is no good, where one is needed.
    #[error(transparent)]
    Rejected(#[from] Rejected),

    #[error("{package} has no manifest {reference}")]
    ManifestUnknown {
        package: String,
        reference: Reference,
    },
    #[error("{package} has no blob {digest}")]
    BlobUnknown { package: String, digest: Digest },
    #[error(transparent)]
    ManifestInvalid(#[from] ManifestError),
    #[error("the manifest refers to content that {package} does not have: push {} first", listed(.missing))]
    ContentMissing {
        package: String,
        missing: Vec<Digest>,
    },
    #[error("the manifest says {digest} has {claimed} bytes; it has {actual}")]
    SizeMismatch {
        digest: Digest,
        claimed: u64,
        actual: u64,
    },
    #[error(
        "the content does not match its digest: expected {expected}, got {actual}; push it again"
    )]
    DigestMismatch { expected: Digest, actual: Digest },
    #[error("at most {limit} tags can be pushed at once; this request names {count}")]
    TooManyTags { count: usize, limit: usize },

    #[error(
        "upload {id} is unknown: it was finished, cancelled or left alone too long; start again with POST …/blobs/uploads/"
    )]
    UploadUnknown { id: String },
    #[error(
        "another request is still writing to upload {id}; wait for it, then ask where the upload stands"
    )]
    UploadBusy { id: String },
    #[error("this chunk starts at {start}, the upload stands at {offset}; continue there")]
    ChunkOutOfOrder { start: u64, offset: u64 },
    #[error("the chunk has {got} bytes, its Content-Range says {expected}")]
    ChunkLength { expected: u64, got: u64 },
    #[error("{count} uploads are open for this account, the most allowed; finish or cancel some")]
    TooManyUploads { count: i64 },

    #[error(transparent)]
    QuotaExceeded(#[from] QuotaExceeded),

    #[error("blob {digest} is needed by a manifest of {package}; delete the manifest first")]
    BlobInUse { package: String, digest: Digest },
    #[error("{digest} belongs to the index {parent} of {package}; delete the index first")]
    ManifestInUse {
        package: String,
        digest: Digest,
        parent: String,
    },

    #[error("there is already an account {login}; choose another login")]
    LoginTaken { login: String },
    #[error("there is no account {login}")]
    NoSuchAccount { login: String },
    #[error("there is no service account {login}; they are named ORGANIZATION+NAME")]
    NoSuchServiceAccount { login: String },
    #[error("{login} still owns {package}; transfer or delete its packages first")]
    StillOwns { login: String, package: String },
    #[error(
        "{package} was deleted and can be restored for {login} for 30 days; remove it for good with `wharf package purge {package}`, or restore it and transfer it"
    )]
    StillKeeps { login: String, package: String },
    #[error("{login} would disable themselves; ask another site administrator")]
    DisablesThemselves { login: String },
    #[error("there is no rule for names that begin with `{prefix}`")]
    NoSuchPrefix { prefix: String },
    #[error("{path} is taken, or was until lately; choose another name")]
    PackageTaken { path: String },
    #[error(
        "{path} was deleted and its name is kept for it for 30 days: restore it with `wharf package restore {path}`, or push under another name"
    )]
    PackageDeleted { path: String },
    #[error(
        "{package} has {most} former names, the most that lead to one package; release one first"
    )]
    TooManyNames { package: String, most: usize },
    #[error("{login} has {most} former logins, the most that lead to one account")]
    TooManyLogins { login: String, most: i64 },
    #[error("{login} is the last site administrator; make somebody else one first")]
    LastAdministrator { login: String },
    #[error("{name} is not a former name of {package}")]
    NotFormerName { package: String, name: String },
    #[error("{package} has no deleted version {digest} to restore")]
    NotDeleted { package: String, digest: Digest },
    /// A field of a request.
    #[error("`{field}` is not valid: {reason}")]
    Field { field: &'static str, reason: String },
    #[error("there is no user {login}")]
    NoSuchUser { login: String },
    #[error("there is no package {path}")]
    NoSuchPackage { path: String },
    #[error("there is no organization {login}")]
    NoSuchOrganization { login: String },
    #[error("there is no team {team}; teams are named ORGANIZATION/TEAM")]
    NoSuchTeam { team: String },
    #[error("there is already a team {team}; choose another name")]
    TeamTaken { team: String },
    #[error("teams are nested one level: {parent} is itself below another team")]
    TeamTooDeep { parent: String },
    #[error("{login} is not a member of {organization}; add them to it first")]
    NotMember { login: String, organization: String },
    #[error(
        "{login} belongs to {organization} by a group of an identity provider; `wharf team groups` shows which teams have one"
    )]
    MemberByGroup { login: String, organization: String },
    #[error("{subject} of {provider} is a user here already; unlink that one first")]
    IdentityTaken { provider: String, subject: String },
    #[error(
        "{login} has no other way to sign in, and tokens would outlive this one; disable {login} or set a password first"
    )]
    OnlyIdentity { login: String },
    #[error(
        "{login} signs in at an identity provider; a site administrator can set a password for it"
    )]
    NoPasswordYet { login: String },
    #[error("{login} is not {subject} of {provider}")]
    NoSuchIdentity {
        login: String,
        provider: String,
        subject: String,
    },
    #[error("{team} does not have the group {group} of {provider}")]
    NoSuchGroup {
        team: String,
        provider: String,
        group: String,
    },
    #[error(transparent)]
    SignIn(#[from] SignInError),
    #[error("{login} is the last owner of {organization}; make somebody else an owner first")]
    LastOwner { login: String, organization: String },
    #[error(
        "{owner} has not connected {repository}; an owner of {owner} can, with `wharf repository connect {owner} {repository}`"
    )]
    NotConnected { repository: String, owner: String },
    #[error("{package} is linked to no repository")]
    NotLinked { package: String },
    #[error("{team} is not a team of {owner}, whose package this is")]
    ForeignTeam { team: String, owner: String },
    #[error(
        "{owner} lets its members make packages {allowed} at most; to make {package} {wanted}, ask an owner of {owner}"
    )]
    TooVisible {
        package: String,
        wanted: &'static str,
        allowed: &'static str,
        owner: String,
    },
    #[error(
        "the tag {tag} of {package} is immutable (by the pattern {pattern}) and stays at {digest}; use another tag, or have the pattern removed"
    )]
    ImmutableTag {
        package: String,
        tag: String,
        pattern: String,
        digest: String,
    },
    #[error("{scope} has no pattern {pattern} of its own")]
    NoSuchPattern { scope: String, pattern: String },
    #[error("the tag {tag} of {package} pointed at nothing before")]
    NothingBefore { package: String, tag: String },
    #[error("{principal} was granted nothing on {package}")]
    NotGranted { principal: String, package: String },
    #[error("there is no session {id} of yours")]
    NoSuchSession { id: i64 },
    #[error("there is no second factor here; begin one first")]
    NoSecondFactor,
    #[error("there is a second factor already; remove it first")]
    HasSecondFactor,
    #[error("there is no token {id}")]
    NoSuchToken { id: i64 },
    #[error(transparent)]
    Login(#[from] LoginError),
    #[error(transparent)]
    Password(#[from] PasswordError),
    #[error(transparent)]
    Scope(#[from] ScopeError),
    #[error("{0}")]
    Invalid(String),

    #[error(transparent)]
    Database(#[from] wharf_db::Error),
    #[error(transparent)]
    Storage(#[from] StoreError),
    #[error("{0}")]
    Internal(String),
}

fn listed(digests: &[Digest]) -> String {
    let mut shown: Vec<&str> = digests.iter().take(3).map(Digest::as_str).collect();
    let more = format!("{} more", digests.len().saturating_sub(3));
    if digests.len() > 3 {
        shown.push(&more);
    }
    shown.join(", ")
}

impl WriteError for Error {
    fn database(&self) -> Option<&wharf_db::Error> {
        match self {
            Self::Database(error) => Some(error),
            _ => None,
        }
    }
}

impl Error {
    /// The protocol's code for it.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Refused(refusal) => refusal_code(refusal),
            Self::Rejected(
                Rejected::Busy | Rejected::TooManyFailures | Rejected::TooManySignIns,
            )
            | Self::TooManyUploads { .. }
            | Self::Password(PasswordError::Busy) => ErrorCode::TooManyRequests,
            Self::Rejected(_) => ErrorCode::Unauthorized,
            Self::ManifestUnknown { .. } | Self::NothingBefore { .. } | Self::NotDeleted { .. } => {
                ErrorCode::ManifestUnknown
            }
            Self::BlobUnknown { .. } => ErrorCode::BlobUnknown,
            Self::ManifestInvalid(ManifestError::TooLarge(_))
            | Self::SizeMismatch { .. }
            | Self::ChunkLength { .. } => ErrorCode::SizeInvalid,
            Self::ManifestInvalid(_) | Self::TooManyTags { .. } => ErrorCode::ManifestInvalid,
            Self::ContentMissing { .. } => ErrorCode::ManifestBlobUnknown,
            Self::DigestMismatch { .. } => ErrorCode::DigestInvalid,
            Self::UploadUnknown { .. } => ErrorCode::BlobUploadUnknown,
            Self::UploadBusy { .. } => ErrorCode::BlobUploadInvalid,
            Self::ChunkOutOfOrder { .. } => ErrorCode::RangeInvalid,
            Self::BlobInUse { .. }
            | Self::ManifestInUse { .. }
            | Self::ImmutableTag { .. }
            | Self::PackageDeleted { .. }
            | Self::QuotaExceeded(_)
            | Self::NoPasswordYet { .. }
            | Self::TooVisible { .. } => ErrorCode::Denied,
            Self::NoSuchPackage { .. } => ErrorCode::NameUnknown,
            Self::NoSuchAccount { .. }
            | Self::NoSuchServiceAccount { .. }
            | Self::NoSuchPrefix { .. }
            | Self::NotFormerName { .. }
            | Self::NoSuchUser { .. }
            | Self::NoSuchOrganization { .. }
            | Self::NoSuchTeam { .. }
            | Self::NoSuchToken { .. }
            | Self::NoSuchSession { .. }
            | Self::NoSecondFactor
            | Self::NoSuchPattern { .. }
            | Self::NotMember { .. }
            | Self::NotConnected { .. }
            | Self::NotLinked { .. }
            | Self::NoSuchIdentity { .. }
            | Self::NoSuchGroup { .. }
            | Self::NotGranted { .. } => ErrorCode::NotFound,
            Self::LoginTaken { .. }
            | Self::StillOwns { .. }
            | Self::StillKeeps { .. }
            | Self::TooManyNames { .. }
            | Self::TooManyLogins { .. }
            | Self::LastAdministrator { .. }
            | Self::HasSecondFactor
            | Self::DisablesThemselves { .. }
            | Self::PackageTaken { .. }
            | Self::TeamTaken { .. }
            | Self::MemberByGroup { .. }
            | Self::IdentityTaken { .. }
            | Self::OnlyIdentity { .. }
            | Self::LastOwner { .. } => ErrorCode::Conflict,
            Self::SignIn(error) => match error {
                SignInError::NoSuchProvider(_) => ErrorCode::NotFound,
                SignInError::Unreachable { .. } => ErrorCode::Unavailable,
                _ => ErrorCode::Denied,
            },
            Self::Field { .. }
            | Self::TeamTooDeep { .. }
            | Self::ForeignTeam { .. }
            | Self::Login(_)
            | Self::Password(_)
            | Self::Scope(_)
            | Self::Invalid(_) => ErrorCode::Invalid,
            Self::Database(error) => match error.kind {
                ErrorKind::Unavailable | ErrorKind::Full | ErrorKind::Conflict => {
                    ErrorCode::Unavailable
                }
                _ => ErrorCode::Unknown,
            },
            Self::Storage(error) => match error.kind {
                StoreErrorKind::Full | StoreErrorKind::Io => ErrorCode::Unavailable,
                StoreErrorKind::NotFound | StoreErrorKind::Damaged => ErrorCode::Unknown,
            },
            Self::Internal(_) => ErrorCode::Unknown,
        }
    }

    /// Whether there is no room left to store anything.
    pub fn is_full(&self) -> bool {
        match self {
            Self::Database(error) => error.kind == ErrorKind::Full,
            Self::Storage(error) => error.kind == StoreErrorKind::Full,
            _ => false,
        }
    }

    /// Whether the text is for operators' logs only.
    pub fn is_internal(&self) -> bool {
        matches!(
            self,
            Self::Database(_) | Self::Storage(_) | Self::Internal(_)
        )
    }
}

fn refusal_code(refusal: &Refusal) -> ErrorCode {
    match refusal {
        Refusal::SignIn { .. }
        | Refusal::SignInToManage { .. }
        | Refusal::SignInToManageSite
        | Refusal::NotInToken { .. }
        | Refusal::CatalogNotInToken => ErrorCode::Unauthorized,
        Refusal::NotFound { .. } => ErrorCode::NameUnknown,
        Refusal::MayNotCreate { .. }
        | Refusal::NameTaken { .. }
        | Refusal::NotOwner { .. }
        | Refusal::NotOfOrganization { .. }
        | Refusal::NotSiteAdmin { .. }
        | Refusal::OutsideLimits { .. }
        | Refusal::LimitedToPackages { .. }
        | Refusal::NeedsPassword { .. }
        | Refusal::UpstreamNamespace { .. }
        | Refusal::MissingRole { .. }
        | Refusal::MissingScope { .. } => ErrorCode::Denied,
    }
}

impl From<wharf_oci::name::NameError> for Error {
    fn from(error: wharf_oci::name::NameError) -> Self {
        Self::Invalid(error.to_string())
    }
}
