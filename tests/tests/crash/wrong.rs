//! What went wrong in a suite of rounds.

/// What went wrong, each round in its words. It is said at once, for a suite takes long and may be
/// stopped before its end.
#[derive(Default)]
pub(crate) struct Wrong(Vec<String>);

impl Wrong {
    pub(crate) fn push(&mut self, round: String) {
        // Not by a macro, whose words the test harness would keep to itself.
        let _ = std::io::Write::write_all(
            &mut std::io::stderr(),
            format!("went wrong: {round}\n").as_bytes(),
        );
        self.0.push(round);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Nothing did.
    #[track_caller]
    pub(crate) fn assert_none(&self) {
        assert!(self.0.is_empty(), "{}", self.0.join("\n"));
    }
}
