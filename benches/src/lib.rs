//! Benchmarks live in `speed.rs`.
