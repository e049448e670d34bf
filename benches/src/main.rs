//! Speed against peers; see docs/benchmarks.md.

fn main() {}
