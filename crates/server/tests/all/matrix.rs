//! The whole matrix: every operation of the protocol and the API × everybody ×
//! packages of every visibility × every way to show a credential. What the
//! registry answers must be what the policy, asked here with facts that this
//! test knows, says. An operation without a probe fails the test.

mod probes;
mod world;

use wharf_app::authz::{
    Access, AccessList, Action, Actor, Target,
    facts::OwnerFacts,
    policy::{self, Refusal},
};

use self::{
    probes::{Asks, Probe, of_packages, of_the_site},
    world::{Channel, Principal, World},
};

/// Fewer cells would mean that something is not asked any more.
const CELLS: usize = 25_000;

#[tokio::test]
async fn everything_is_decided_by_the_policy() {
    let world = World::new().await;
    let mut checked = 0;
    for probe in of_packages() {
        for target in &world.targets {
            for (principal, channel) in world.callers() {
                checked += 1;
                world
                    .check(&probe, target, principal, channel, checked)
                    .await;
            }
        }
    }
    for probe in of_the_site() {
        for (principal, channel) in world.callers() {
            checked += 1;
            let target = &world.targets[0];
            world
                .check(&probe, target, principal, channel, checked)
                .await;
        }
    }
    assert!(checked >= CELLS, "only {checked} cells");
}

/// What each operation of the API asks the policy: `tests/golden/operations.txt`,
/// which `UPDATE_GOLDEN=1 cargo test` writes anew.
#[test]
fn every_operation_asks_as_reviewed() {
    const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/operations.txt");
    let table = probes::table();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(GOLDEN, &table).expect("written");
    }
    let reviewed = std::fs::read_to_string(GOLDEN).expect("the reviewed table");
    assert_eq!(
        table, reviewed,
        "review the difference, then UPDATE_GOLDEN=1"
    );
}

impl World {
    async fn check(
        &self,
        probe: &Probe,
        target: &Target,
        principal: &Principal,
        channel: &Channel,
        number: usize,
    ) {
        let actor = self.actor(principal, channel, target);
        let expected = self.decide(probe.asks, &actor, target);
        let (asked, outcome) = self.ask(probe, target, principal, channel, number).await;
        let right = match &expected {
            Ok(()) => probe.allowed.contains(&outcome.as_str()),
            Err(refusal) => outcome == told(refusal, probe.method.as_str()),
        };
        let (who, how) = (principal.name, channel.name);
        assert!(
            right,
            "{who} by {how}: {asked} on {}: answered {outcome}, the policy says {expected:?}",
            target.path
        );
    }

    /// What the policy says to somebody who may be narrowed to what `/token` gave.
    fn actor(&self, principal: &Principal, channel: &Channel, target: &Target) -> Actor {
        let user = principal.facts.clone().zip(channel.credential(principal));
        let mut actor = Actor {
            user,
            narrowed: None,
        };
        if channel.is_registry_token() {
            let given = |action: &Action| self.decide_on(&actor, target, *action).is_ok();
            let actions: std::collections::BTreeSet<Action> = Action::OF_REGISTRY_TOKENS
                .into_iter()
                .filter(given)
                .collect();
            let owner = target.effective_owner().filter(|_| !actions.is_empty());
            let access = Access {
                path: target.path.clone(),
                owner_id: owner.map(|owner| owner.id),
                actions,
            };
            actor.narrowed = Some(std::sync::Arc::new(AccessList {
                packages: vec![access],
                catalog: false,
            }));
        }
        actor
    }

    fn decide_on(&self, actor: &Actor, target: &Target, action: Action) -> Result<(), Refusal> {
        policy::decide(actor, target, action, self.now())
    }

    fn decide(&self, asks: Asks, actor: &Actor, target: &Target) -> Result<(), Refusal> {
        let acme = &self.acme;
        match asks {
            Asks::Nothing => Ok(()),
            Asks::SignedIn => signed_in(actor),
            Asks::Catalog => match &actor.narrowed {
                Some(list) if !list.catalog && actor.user.is_some() => {
                    Err(Refusal::CatalogNotInToken)
                }
                _ => Ok(()),
            },
            Asks::On(action) => self.decide_on(actor, target, action),
            Asks::OnDeleted(action) => {
                let nothing = Target {
                    package: None,
                    ..target.clone()
                };
                self.decide_on(actor, &nothing, action)
            }
            Asks::PullAndPush => {
                self.decide_on(actor, target, Action::Pull)?;
                match target.package {
                    Some(_) => self.decide_on(actor, target, Action::Push),
                    None => Ok(()),
                }
            }
            Asks::OnOwn => {
                self.decide_on(actor, target, Action::Administer)?;
                match (&actor.user, &target.package) {
                    (Some((user, _)), Some(_)) if !policy::has_role_by_owning(user, target) => {
                        policy::decide_owner(actor, &self.stranger_to(user.id))
                    }
                    _ => Ok(()),
                }
            }
            Asks::Owner => policy::decide_owner(actor, acme),
            Asks::OwnerOfAlice => policy::decide_owner(actor, &self.alice),
            Asks::Member => policy::decide_member(actor, acme.id, &acme.login),
            Asks::MemberThenOwner => {
                policy::decide_member(actor, acme.id, &acme.login)?;
                policy::decide_owner(actor, acme)
            }
            Asks::StrangerOrOwner => policy::decide_owner(actor, &self.stranger)
                .or_else(|_| policy::decide_owner(actor, acme)),
            Asks::Themselves => policy::decide_owner(actor, &self.themselves(actor)),
            Asks::Listing => policy::decide_listing(actor).map(drop),
            Asks::Site => policy::decide_site(actor),
            Asks::ByPassword => policy::decide_themselves(actor).map(drop),
        }
    }

    /// An owner that this user is not.
    fn stranger_to(&self, user_id: i64) -> OwnerFacts {
        let other = [&self.alice, &self.stranger]
            .into_iter()
            .find(|owner| owner.id != user_id);
        other.expect("one of two").clone()
    }

    /// Whoever manages the tokens of the caller: itself, or an organization.
    fn themselves(&self, actor: &Actor) -> OwnerFacts {
        match &actor.user {
            Some((user, _)) if !user.login.contains('+') => OwnerFacts {
                id: user.id,
                login: user.login.clone(),
                kind: wharf_db::accounts::AccountKind::User,
                members_may_create: false,
            },
            _ => self.acme.clone(),
        }
    }
}

fn signed_in(actor: &Actor) -> Result<(), Refusal> {
    match &actor.user {
        Some(_) => Ok(()),
        None => Err(Refusal::SignInToManageSite),
    }
}

/// How a refusal looks from outside.
fn told(refusal: &Refusal, method: &str) -> String {
    let code = wharf_app::Error::from(refusal.clone()).code();
    let status = code.status().as_u16();
    if method == "HEAD" {
        return status.to_string();
    }
    let name = serde_json::to_value(code).expect("a string");
    format!("{status} {}", name.as_str().expect("a string"))
}
