//! Faults that are errors: each ends in an outcome of its own, and its commands work when typed.
