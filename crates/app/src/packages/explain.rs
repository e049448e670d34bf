//! "May they, and why or why not": the policy's answers, with what gave them.

use wharf_db::{
    accounts,
    grants::{self, Grant, Granted, Role},
    repositories, teams,
};
use wharf_oci::Name;

use crate::{
    App, Error,
    accounts::find_holder,
    authz::{
        Action, Actor, By, Credential, Target,
        permit::Administer,
        policy::{self, Source},
    },
    clock,
    target::load_target,
};

/// What somebody may do to a package, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// As it was asked for.
    pub package: String,
    /// Its name now, if it was renamed.
    pub renamed_to: Option<String>,
    pub principal: String,
    pub role: Option<Role>,
    /// Everything that gives a role, highest first.
    pub because: Vec<Reason>,
    pub actions: Vec<Answer>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    pub role: Role,
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub action: Action,
    /// `None`: allowed. Otherwise what they would be told.
    pub refusal: Option<String>,
}

/// Who is not signed in.
const ANYBODY: &str = "anonymous";

impl App {
    /// Explains what `principal` (a user, a service account, or `anonymous`)
    /// may do. Everybody may ask about themselves, admins of the package about all.
    pub async fn explain(
        &self,
        by: &By,
        package: &Name,
        principal: Option<&str>,
    ) -> Result<Explanation, Error> {
        let login = match (by, principal) {
            (_, Some(principal)) => principal.to_ascii_lowercase(),
            (By::Caller(caller), None) => caller.login().unwrap_or(ANYBODY).to_owned(),
            (By::Operator, None) => ANYBODY.to_owned(),
        };
        if !asks_about_themselves(by, &login) {
            self.permit::<Administer>(by, package).await?;
        }
        let mut reader = self.db.reader().await?;
        let conn = &mut reader.conn();
        let actor = match (by, login.as_str()) {
            (_, ANYBODY) => Actor::default(),
            // With the limits of the credential they ask with.
            (By::Caller(caller), _) if caller.login() == Some(&login) => caller.actor.clone(),
            _ => {
                let account = find_holder(conn, &login).await?;
                let facts = crate::authn::facts_of(conn, account).await?;
                let fingerprint = String::new();
                Actor {
                    user: Some((facts, Credential::Password { fingerprint })),
                    narrowed: None,
                }
            }
        };
        let target = load_target(conn, package.as_str()).await?;
        let now = self.clock.now();
        let mut because = Vec::new();
        if may_know(&actor, &target, now)
            && let Some((user, _)) = &actor.user
        {
            let sources: Vec<_> = policy::sources(user, &target, now).collect();
            for (role, source) in sources {
                let text = told(conn, &target, source).await?;
                because.push(Reason { role, text });
            }
        }
        because.sort_by_key(|reason| std::cmp::Reverse(reason.role));
        let renamed = target
            .package
            .as_ref()
            .filter(|_| may_know(&actor, &target, now));
        let renamed = renamed.filter(|found| found.path != package.as_str());
        Ok(Explanation {
            package: package.to_string(),
            renamed_to: renamed.map(|found| found.path.clone()),
            principal: login,
            role: because.first().map(|reason| reason.role),
            actions: answers(&actor, &target, now),
            because,
        })
    }
}

fn asks_about_themselves(by: &By, login: &str) -> bool {
    matches!(by, By::Caller(caller) if caller.login().unwrap_or(ANYBODY) == login)
        || (matches!(by, By::Caller(_)) && login == ANYBODY)
}

fn may_know(actor: &Actor, target: &Target, now: i64) -> bool {
    policy::decide(actor, target, Action::Pull, now).is_ok()
}

fn answers(actor: &Actor, target: &Target, now: i64) -> Vec<Answer> {
    let answer = |action| Answer {
        action,
        refusal: policy::decide(actor, target, action, now)
            .err()
            .map(|refusal| refusal.to_string()),
    };
    Action::ALL.into_iter().map(answer).collect()
}

async fn told(
    conn: &mut wharf_db::Conn<'_>,
    target: &Target,
    source: Source,
) -> Result<String, Error> {
    let owner = target.effective_owner().map_or("", |owner| &owner.login);
    Ok(match source {
        Source::SiteAdministrator => "is a site administrator".to_owned(),
        Source::Owner => format!("owns {owner}"),
        Source::Visibility(visibility) => format!("the package is {}", visibility.as_str()),
        Source::Grant(grant) => {
            let repository = repository_behind(conn, target, &grant).await?;
            let to = match grant.principal {
                wharf_db::grants::Principal::Account(id) => {
                    let account = accounts::find(conn, id).await?;
                    account.map(|account| account.login)
                }
                wharf_db::grants::Principal::Team(id) => {
                    let team = teams::find_by_id(conn, id).await?;
                    team.map(|team| format!("the team {owner}/{}", team.slug))
                }
                wharf_db::grants::Principal::SourceRepository(_) => None,
            };
            let to = to.unwrap_or_else(|| "somebody".to_owned());
            let end = grant.expires_at.map(clock::display);
            let end = end.map_or_else(String::new, |end| format!(" until {end}"));
            let on = repository.map_or_else(String::new, |name| {
                format!(" on {name}, whose access this package inherits")
            });
            format!("{to} was granted {}{on}{end}", grant.role)
        }
    })
}

/// The repository on which something was granted, if it was not on the package.
async fn repository_behind(
    conn: &mut wharf_db::Conn<'_>,
    target: &Target,
    grant: &Grant,
) -> Result<Option<String>, Error> {
    let Some(package) = &target.package else {
        return Ok(None);
    };
    if grants::on(conn, Granted::Package(package.id))
        .await?
        .contains(grant)
    {
        return Ok(None);
    }
    let link = repositories::of_package(conn, package.id).await?;
    Ok(link.map(|link| link.name))
}
