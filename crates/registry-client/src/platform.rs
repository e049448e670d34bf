//! Which platform an image is for, and whether it is the one asked for.
//!
//! Comparison follows containerd: exact, after the variants that everybody
//! means when they leave the variant out are made explicit.

use std::{fmt, str::FromStr};

use serde::Deserialize;

/// `os/architecture[/variant]`, normalised.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Platform {
    os: String,
    architecture: String,
    variant: Option<String>,
}

/// Why a text is not a platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a platform: write OS/ARCHITECTURE[/VARIANT], for example linux/arm64")]
pub struct PlatformError(String);

impl Platform {
    fn new(os: &str, architecture: &str, variant: Option<&str>) -> Self {
        let architecture = match architecture {
            "x86_64" | "x86-64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        let variant = match (architecture, variant) {
            ("arm64", Some("v8" | "8") | None) | ("amd64", Some("v1")) => None,
            ("arm", None) => Some("v7"),
            (_, variant) => variant,
        };
        Self {
            os: os.to_owned(),
            architecture: architecture.to_owned(),
            variant: variant.map(str::to_owned),
        }
    }

    /// Reads the platform out of an image's configuration
    /// (image-spec config.md); `None` if it names none.
    pub fn of_config(config: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Config {
            os: String,
            architecture: String,
            variant: Option<String>,
        }
        let config: Config = serde_json::from_slice(config).ok()?;
        let variant = config.variant.as_deref().filter(|v| !v.is_empty());
        let named = !config.os.is_empty() && !config.architecture.is_empty();
        named.then(|| Self::new(&config.os, &config.architecture, variant))
    }
}

impl FromStr for Platform {
    type Err = PlatformError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = s.split('/').collect();
        if parts.iter().any(|part| part.is_empty()) {
            return Err(PlatformError(s.to_owned()));
        }
        match parts[..] {
            [os, architecture] => Ok(Self::new(os, architecture, None)),
            [os, architecture, variant] => Ok(Self::new(os, architecture, Some(variant))),
            _ => Err(PlatformError(s.to_owned())),
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}

/// What `BuildKit` writes as the platform of an attestation, which is no platform.
pub const UNKNOWN: &str = "unknown/unknown";

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(s: &str) -> Platform {
        s.parse().expect(s)
    }

    #[test]
    fn spellings_of_one_platform_are_equal() {
        for (a, b) in [
            ("linux/arm64", "linux/arm64/v8"),
            ("linux/arm", "linux/arm/v7"),
            ("linux/amd64", "linux/amd64/v1"),
            ("linux/amd64", "linux/x86_64"),
        ] {
            assert_eq!(platform(a), platform(b));
        }
        assert_ne!(platform("linux/arm/v6"), platform("linux/arm/v7"));
        assert_ne!(platform("linux/amd64"), platform("windows/amd64"));
    }

    #[test]
    fn anything_else_is_refused() {
        for bad in ["", "linux", "linux/", "/amd64", "linux/arm/v7/x", "a//b"] {
            assert!(bad.parse::<Platform>().is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn a_configuration_names_its_platform() {
        let config = br#"{"os":"linux","architecture":"arm","variant":"v6"}"#;
        assert_eq!(Platform::of_config(config), Some(platform("linux/arm/v6")));
        assert_eq!(Platform::of_config(b"{}"), None);
    }
}
