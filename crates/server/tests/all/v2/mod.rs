mod bad_input;
mod blobs;
mod lists;
mod manifests;
mod referrers;
mod tag_moves;
mod uploads;
