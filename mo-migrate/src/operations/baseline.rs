//! Taking over what was there: `baseline` marks versions as applied without running them, and
//! `repair` accepts changed checksums, and rows that a hand has changed. Both show first.

use serde::Serialize;

use super::Operations;
use crate::engine::Role;
use crate::error::{Result, say};
use crate::history::{Applied, History, HistoryWriter};
use crate::lock;
use crate::migration::{Kind, Version};
use crate::observer::Event;
use crate::plan::{Finding, findings};
use crate::time;

/// Versions that are marked as applied without being run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Baseline {
    /// The versions, in their order.
    pub versions: Vec<Version>,
}

/// What is accepted as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Repair {
    /// Migrations that were changed, and those of which the history does not say that they were judged.
    pub changed: Vec<Finding>,
}

impl Operations<'_> {
    /// What `baseline` would mark.
    pub(crate) async fn baseline_preview(&self, version: Version) -> Result<Baseline> {
        if self.set.find(version).is_none() {
            return Err(say::unknown_version(version, self.set));
        }
        let history =
            if self.engine.exists().await? { self.history(Role::Start).await? } else { None };
        let has = |wanted: Version| {
            history
                .as_ref()
                .is_some_and(|h| h.of_set(&self.settings.set).any(|a| a.version == wanted))
        };
        let versions = self.set.migrations.iter().map(|migration| migration.version);
        Ok(Baseline {
            versions: versions.filter(|wanted| *wanted <= version && !has(*wanted)).collect(),
        })
    }

    /// Marks them.
    pub(crate) async fn baseline(&self, version: Version) -> Result<Baseline> {
        if !self.engine.exists().await? {
            return Err(self.engine.no_database().await);
        }
        let _lock = self.lock().await?;
        let marked = self.baseline_preview(version).await?;
        let history = self.history(Role::Start).await?;
        if history.as_ref().is_some_and(History::is_open) {
            return Err(say::open_run_first());
        }
        let (table, set) = (&self.settings.history_table, &self.settings.set);
        let mut work = self.engine.connect(Role::Work).await?;
        work.begin().await?;
        let mut writer = HistoryWriter { connection: &mut *work, table };
        writer.ensure(history.as_ref()).await?;
        for version in &marked.versions {
            let Some(migration) = self.set.find(*version) else { continue };
            let applied = Applied {
                set: set.clone(),
                version: *version,
                name: migration.name.to_string(),
                kind: "baseline".to_owned(),
                kept: true,
                checksum: migration.checksum.as_str().to_owned(),
                run: String::new(),
                applied_at: time::now_ms(),
                duration_ms: 0,
                applied_by: lock::who(),
            };
            writer.record(&applied).await?;
        }
        work.commit().await.map_err(say::commit_failed)?;
        work.close().await;
        Ok(marked)
    }

    /// What `repair` would accept.
    pub(crate) async fn repair_preview(&self) -> Result<Repair> {
        let history =
            if self.engine.exists().await? { self.history(Role::Start).await? } else { None };
        let all = findings(self.set, history.as_ref(), &self.settings.set);
        let is_ours = |f: &Finding| matches!(f, Finding::Changed { .. } | Finding::Unjudged { .. });
        Ok(Repair { changed: all.into_iter().filter(is_ours).collect() })
    }

    /// Accepts them.
    pub(crate) async fn repair(&self) -> Result<Repair> {
        let _lock = self.lock().await?;
        let history = self.history(Role::Start).await?.ok_or_else(say::nothing_applied)?;
        if history.is_open() {
            return Err(say::open_run_first());
        }
        let repair = self.repair_preview().await?;
        let mut work = self.engine.connect(Role::Work).await?;
        work.begin().await?;
        let mut writer =
            HistoryWriter { connection: &mut *work, table: &self.settings.history_table };
        for finding in &repair.changed {
            if let Finding::Unjudged { version, name } = finding {
                let unjudged = history
                    .of_set(&self.settings.set)
                    .find(|applied| applied.version == *version && applied.name == *name);
                if let Some(applied) = unjudged {
                    writer.accept(applied).await?;
                    self.settings.observer.event(&Event::Note(say::realigned(finding)));
                }
                continue;
            }
            let (Some(migration), Some(applied)) = (
                self.set
                    .find(finding.version())
                    .filter(|migration| migration.kind != Kind::Repeatable),
                history
                    .of_set(&self.settings.set)
                    .find(|applied| applied.version == finding.version()),
            ) else {
                continue;
            };
            writer.realign(applied, &migration.checksum).await?;
            let audit = say::realigned(finding);
            self.settings.observer.event(&Event::Note(audit));
        }
        work.commit().await.map_err(say::commit_failed)?;
        work.close().await;
        Ok(repair)
    }
}
