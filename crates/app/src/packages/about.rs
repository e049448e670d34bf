//! What a package tells about itself, edited by hand.

use std::sync::Arc;

use wharf_db::{
    Tx,
    about::{self, Origin, PackageAbout},
    packages::Visibility,
};
use wharf_oci::{Name, SourceRepository};

use super::visibility;

use crate::{
    App, Error,
    authz::{By, permit::Administer},
    change::Change,
};

/// Longest README, in bytes.
pub const MAX_README: usize = 256 * 1024;

/// What becomes of a field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum FieldEdit {
    #[default]
    Keep,
    /// Back to what the image says.
    Reset,
    To(String),
}

impl FieldEdit {
    fn after(self, before: Option<String>) -> Option<String> {
        match self {
            Self::Keep => before,
            Self::Reset => None,
            Self::To(text) => Some(text),
        }
    }
}

/// What to change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AboutChange {
    pub title: FieldEdit,
    /// At most 512 characters, as on ghcr.io.
    pub description: FieldEdit,
    /// At most 256 characters, as on ghcr.io.
    pub licenses: FieldEdit,
    /// A repository on a forge, as a URL or as HOST/PATH.
    pub source: FieldEdit,
    pub url: FieldEdit,
    pub documentation: FieldEdit,
    /// Markdown.
    pub readme: FieldEdit,
}

impl App {
    /// Changes a package's visibility and what it tells about itself, both or neither.
    pub async fn edit_package(
        self: &Arc<Self>,
        by: &By,
        package: &Name,
        visibility: Option<Visibility>,
        mut change: AboutChange,
    ) -> Result<(), Error> {
        check(&change)?;
        if let FieldEdit::To(source) = &mut change.source {
            let parsed: SourceRepository = source
                .parse()
                .map_err(|e| wrong("source", format!("{e}")))?;
            *source = parsed.to_string();
        }
        let edit = Edit {
            package: package.clone(),
            visibility,
            change,
        };
        self.change(by, edit).await
    }
}

fn wrong(field: &'static str, reason: impl Into<String>) -> Error {
    Error::Field {
        field,
        reason: reason.into(),
    }
}

fn check(change: &AboutChange) -> Result<(), Error> {
    let lines: [(&'static str, &FieldEdit, usize); 5] = [
        ("title", &change.title, 128),
        ("description", &change.description, 512),
        ("licenses", &change.licenses, 256),
        ("url", &change.url, 1024),
        ("documentation", &change.documentation, 1024),
    ];
    for (field, text, most) in lines {
        let FieldEdit::To(text) = text else { continue };
        if text.chars().count() > most {
            return Err(wrong(field, format!("it has more than {most} characters")));
        }
        if text.chars().any(|c| c.is_control() && c != '\n') {
            return Err(wrong(field, "it has control characters"));
        }
        if matches!(field, "url" | "documentation") && !is_link(text) {
            return Err(wrong(field, "it must be a link that begins with https://"));
        }
    }
    match &change.readme {
        FieldEdit::To(readme) if readme.len() > MAX_README => {
            Err(wrong("readme", "it has more than 256 KiB"))
        }
        FieldEdit::To(readme) if readme.contains('\0') => {
            Err(wrong("readme", "it has a NUL character"))
        }
        _ => Ok(()),
    }
}

/// Pages make links of these, so nothing that is not one gets in.
fn is_link(text: &str) -> bool {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && !"\"'<>`\\".contains(c);
    rest.is_some_and(|rest| {
        !rest.is_empty() && !rest.starts_with('/') && rest.chars().all(is_plain)
    })
}

struct Edit {
    package: Name,
    visibility: Option<Visibility>,
    change: AboutChange,
}

impl Change for Edit {
    type Output = ();

    async fn apply(&self, app: &Arc<App>, by: &By, tx: &mut Tx<'_>) -> Result<(), Error> {
        let permit = app.permit_in::<Administer>(tx, by, &self.package).await?;
        if let Some(visibility) = self.visibility {
            visibility::change(app, tx, &permit, visibility).await?;
        }
        let id = permit.package_id();
        let before = about::find(tx, id, Origin::Edited).await?;
        let change = self.change.clone();
        let after = PackageAbout {
            title: change.title.after(before.title),
            description: change.description.after(before.description),
            licenses: change.licenses.after(before.licenses),
            source: change.source.after(before.source),
            url: change.url.after(before.url),
            documentation: change.documentation.after(before.documentation),
            readme: change.readme.after(before.readme),
        };
        Ok(about::put(tx, id, Origin::Edited, &after).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_links_become_links() {
        for good in ["https://example.com", "http://a/b?c=d#e"] {
            assert!(is_link(good), "{good}");
        }
        for bad in [
            "",
            "https://",
            "https:///x",
            "javascript:alert(1)",
            "https://a b",
            "https://a\"b",
            "//a",
            " https://a",
        ] {
            assert!(!is_link(bad), "{bad}");
        }
    }
}
