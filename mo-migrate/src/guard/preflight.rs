//! What a run asks before it begins: of the engine, and of those who have a say in when it begins.

use super::job::Job;
use crate::engine::{Engine, Space};
use crate::error::{Result, say};
use crate::preflight::{Asked, Item, ItemKind};
use crate::settings::{RestoreMethod, Settings};
use crate::time;

/// What the engine knows that could keep this job from being put back.
pub(crate) async fn of_engine(
    engine: &dyn Engine,
    settings: &Settings,
    job: &Job<'_>,
) -> Vec<Item> {
    vec![
        Item::of(ItemKind::Space, space(engine, job).await),
        Item::of(ItemKind::Method, method(engine, settings.restore_method).await),
        Item::of(ItemKind::ComesBack, comes_back(engine, job).await),
    ]
}

/// What the settings want to be asked before a run: the maintenance window, and their own items.
pub(crate) async fn of_settings(settings: &Settings) -> Vec<Item> {
    let mut items = vec![Item::of(ItemKind::Window, window(settings, time::now_ms()))];
    for own in &settings.preflight {
        items.push(Item::named(ItemKind::Own, &own.name, own.ask(settings).await));
    }
    items
}

async fn space(engine: &dyn Engine, job: &Job<'_>) -> Result<Asked> {
    let space = engine.space().await?;
    if !job.snapshot {
        return Asked::not("no snapshot is taken");
    }
    let scarce = space.rooms.iter().find(|room| room.free < space.needed(room.copies));
    if let Some(room) = scarce {
        return Err(say::no_space(room, &space, job.around.is_some()));
    }
    if space.rooms.is_empty() {
        return Asked::not("snapshots and clones take no room of their own here");
    }
    Asked::ok(room_words(&space))
}

fn room_words(space: &Space) -> String {
    let rooms = space.rooms.iter().map(|room| {
        let (needed, free) = (say::size(space.needed(room.copies)), say::size(room.free));
        format!("{needed} are wanted and {free} free in `{}`", room.place)
    });
    rooms.collect::<Vec<_>>().join(", ")
}

async fn method(engine: &dyn Engine, method: RestoreMethod) -> Result<Asked> {
    let in_the_way = engine.in_the_way_of(method).await?;
    if !in_the_way.is_empty() {
        return Err(say::method_refused(&in_the_way));
    }
    Asked::ok(method.words())
}

async fn comes_back(engine: &dyn Engine, job: &Job<'_>) -> Result<Asked> {
    let lost = engine.cannot_come_back().await?;
    if lost.is_empty() {
        return Asked::ok("everything");
    }
    job.spares(&lost, engine)?;
    let names: Vec<String> = lost.iter().map(|(name, why)| format!("`{name}` ({why})")).collect();
    Asked::ok(format!("all that is touched; not {}", names.join(", ")))
}

/// Refuses what is no run and belongs into the maintenance window too.
///
/// # Errors
/// The window is closed.
pub(crate) fn window_is_open(settings: &Settings) -> Result<()> {
    window(settings, time::now_ms()).map(drop)
}

fn window(settings: &Settings, now: i64) -> Result<Asked> {
    let window = &settings.window;
    if window.is_always() {
        return Asked::not(
            "a run may begin at any time; `maintenance_window = \"Sat,Sun 02:00-04:00 UTC\"` would limit it",
        );
    }
    match window.open_until(now) {
        Some(until) => Asked::ok(format!("open until {}", time::rfc3339(until))),
        None => Err(say::window_closed(window, window.opens(now), now)),
    }
}
