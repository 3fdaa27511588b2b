//! A shop upgrades its catalogue, the upgrade is wrong, and nobody loses anything.
//!
//! It works in a database of its own, which it makes and drops, and it looks at every fact itself:
//! exit code 0 means that the story came true.

mod facts;
mod shop;
mod story;

use std::process::ExitCode;

use facts::Facts;
use mo_migrate::error::Code;
use mo_migrate::plan::Goal;
use mo_migrate::prelude::*;
use products::address;
use shop::Shop;
use story::{Story, line};

/// The example's own version 1, and a version 2 that went wrong.
static WRONG: Migrator = migrations!("rollback_demo", products::version_1::create_products);

/// The set's name in the database, by which the demo knows that the database is its own.
const SET: &str = "rollback_demo";

#[tokio::main]
async fn main() -> ExitCode {
    let address = address::beside(&address::chosen(), "_rollback_demo");
    match tell(&address).await {
        Ok(facts) => {
            facts.show();
            if facts.all_hold() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            line(&error.render(false));
            error.exit_code().into()
        }
    }
}

async fn tell(address: &str) -> Result<Facts> {
    let story = Story::default();
    let right = products::MIGRATOR.clone().set_name(SET).attended(true);
    let wrong = WRONG.clone().set_name(SET).attended(true);
    let mut facts = Facts::default();

    clear_the_place(&right, &wrong, address).await?;
    line("1  deploy version 1");
    right.to(address, Goal::Version(1)).await?;
    let shop = Shop::open(address).await?;
    let before = shop.state().await?;
    line(&format!("     {before}"));
    facts.version_1(&before);
    shop.close().await;

    match wrong.observer(story.clone()).run(address).await {
        Ok(report) => facts.went_through(&report),
        Err(failure) => {
            facts.failure(&failure);
            // A server's snapshot is of all of an account's databases, and of their rights.
            let level = if address::is_file(address) { "database" } else { "account" };
            facts.snapshot(&failure, &right.snapshot_list(address).await?, level);
        }
    }

    facts.states(&story.states());
    let shop = Shop::open(address).await?;
    let after = shop.state().await?;
    facts.clone_dropped(shop.clone_is_there(address).await?);
    shop.close().await;
    facts.back(&before, &after, right.status(address).await?.version);
    line("7  clean up");
    right.dangerous_drop_database(address).await?;
    line("     the demo's database is dropped, its snapshots with it");
    Ok(facts)
}

/// Removes what an earlier demo left; a database of somebody else's stays.
async fn clear_the_place(right: &Migrator, wrong: &Migrator, address: &str) -> Result<()> {
    let status = right.status(address).await?;
    if status.state == "no_database" {
        return Ok(());
    }
    if status.applied.is_empty() && status.open_run.is_none() {
        return Err(Error::new(
            Code::NotConfirmed,
            format!(
                "the database `{}` is there and is not the demo's own; remove it, or name another `DATABASE_URL`",
                status.database
            ),
        ));
    }
    if status.open_run.is_some() {
        // A demo that was killed may have left a clone as well.
        wrong.recover(address).await?;
    }
    right.dangerous_drop_database(address).await
}
