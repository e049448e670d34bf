//! The part of the table that is about one package.

use super::{downloads, explain, grants, packages, removal, tags, usage, versions};
use crate::api::endpoint::{Api, about};

pub fn add_to(api: Api) -> Api {
    content(packages(api))
}

fn packages(api: Api) -> Api {
    api.get(
        "/packages",
        packages::list,
        about("List or search the packages you may see")
            .asks::<packages::Listing>()
            .pages::<packages::PackageItem>(),
    )
    .get(
        "/packages/{owner}/{name}",
        packages::show,
        about("Show a package").replies::<packages::PackageBody>(),
    )
    .patch(
        "/packages/{owner}/{name}",
        packages::edit,
        about("Change a package's visibility or what it tells about itself")
            .takes::<packages::PackageEdit>(),
    )
    .delete(
        "/packages/{owner}/{name}",
        removal::delete,
        about("Delete a package; it can be restored for 30 days"),
    )
    .post(
        "/packages/{owner}/{name}/restore",
        removal::restore,
        about("Restore a deleted package"),
    )
    .post(
        "/packages/{owner}/{name}/purge",
        removal::purge,
        about("Remove a deleted package for good; its name is free again"),
    )
    .post(
        "/packages/{owner}/{name}/rename",
        packages::rename,
        about("Rename or transfer a package; the old name leads to it")
            .takes::<packages::NewName>(),
    )
    .get(
        "/packages/{owner}/{name}/former-names",
        packages::former_names,
        about("List names that lead to the package").replies::<Vec<String>>(),
    )
    .delete(
        "/packages/{owner}/{name}/former-names",
        packages::release_name,
        about("Make a former name free").asks::<packages::FormerName>(),
    )
    .get(
        "/packages/{owner}/{name}/usage",
        usage::of_package,
        about("What the package stores").replies::<usage::PackageUsageBody>(),
    )
    .get(
        "/packages/{owner}/{name}/downloads",
        downloads::show,
        about("Downloads of the package, a version or a tag, day by day")
            .asks::<downloads::Asked>()
            .replies::<downloads::DownloadsBody>(),
    )
    .get(
        "/packages/{owner}/{name}/explain",
        explain::show,
        about("What somebody may do here, and why")
            .asks::<explain::Asked>()
            .replies::<explain::ExplanationBody>(),
    )
    .get(
        "/packages/{owner}/{name}/grants",
        grants::list,
        about("List who was granted what").lists::<grants::GrantBody>(),
    )
    .put(
        "/packages/{owner}/{name}/grants/{principal}",
        grants::put,
        about("Grant a role to LOGIN, ORGANIZATION+NAME, ORGANIZATION/TEAM or a repository, HOST/PATH")
            .takes::<grants::NewGrant>(),
    )
    .delete(
        "/packages/{owner}/{name}/grants/{principal}",
        grants::revoke,
        about("Take a grant back"),
    )
}

fn content(api: Api) -> Api {
    api.get(
        "/packages/{owner}/{name}/tags",
        tags::list,
        about("List tags")
            .asks::<crate::api::page::Paging>()
            .pages::<tags::TagBody>(),
    )
    .delete(
        "/packages/{owner}/{name}/tags/{tag}",
        tags::remove,
        about("Remove a tag; the version stays"),
    )
    .get(
        "/packages/{owner}/{name}/tags/{tag}/history",
        tags::history,
        about("Where a tag pointed, since when, and who moved it")
            .asks::<crate::api::page::Paging>()
            .pages::<tags::MoveBody>(),
    )
    .post(
        "/packages/{owner}/{name}/tags/{tag}/rollback",
        tags::roll_back,
        about("Point a tag at what it pointed at before, or at any version")
            .takes::<tags::RollBack>()
            .replies::<tags::Pointed>(),
    )
    .post(
        "/packages/{owner}/{name}/promote",
        tags::promote,
        about("Point several tags at once, here or in another package")
            .takes::<tags::Promote>()
            .lists::<tags::Pointed>(),
    )
    .get(
        "/packages/{owner}/{name}/immutable-tags",
        tags::immutable,
        about("Patterns of tags that stay where they are, the owner's included")
            .replies::<Vec<String>>(),
    )
    .put(
        "/packages/{owner}/{name}/immutable-tags",
        tags::protect,
        about("Keep such tags where they are").takes::<tags::Pattern>(),
    )
    .delete(
        "/packages/{owner}/{name}/immutable-tags",
        tags::unprotect,
        about("Let such tags move").asks::<tags::Pattern>(),
    )
    .get(
        "/packages/{owner}/{name}/versions",
        versions::list,
        about("List versions, newest first; parts of an index are listed with it")
            .asks::<versions::Listing>()
            .pages::<versions::VersionItem>(),
    )
    .delete(
        "/packages/{owner}/{name}/deleted-versions",
        removal::purge_versions,
        about("Remove deleted versions for good, as many as one request should")
            .replies::<removal::PurgedBody>(),
    )
    .get(
        "/packages/{owner}/{name}/versions/{reference}",
        versions::show,
        about("Show the version that a tag or digest names").replies::<versions::VersionBody>(),
    )
    .delete(
        "/packages/{owner}/{name}/versions/{reference}",
        versions::delete,
        about("Delete a version with its tags and all that belongs to it alone")
            .replies::<versions::Deleted>(),
    )
    .post(
        "/packages/{owner}/{name}/versions/{digest}/restore",
        versions::restore,
        about("Restore a deleted version, and its tags where they are free"),
    )
    .post(
        "/packages/{owner}/{name}/prune",
        versions::prune,
        about("Delete versions that no tag, index or subject holds")
            .takes::<versions::Prune>()
            .replies::<versions::Deleted>(),
    )
}
