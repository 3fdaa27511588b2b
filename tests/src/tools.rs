//! Other people's programs, which the tests put under the guard.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Fixture, Place, server};

/// How `mysql` reaches the server, as its options file says it.
pub fn mysql_config(database: &str) -> String {
    let url = server::url().unwrap();
    let (user, at) = url.split_once("://").unwrap().1.split_once('@').unwrap();
    let (name, password) = user.split_once(':').unwrap();
    let (host, port) = at.split_once(':').unwrap();
    format!(
        "[mysql]\nhost={host}\nport={port}\nuser={name}\npassword={password}\ndatabase={database}\nlocal-infile=1\n"
    )
}

/// Where Alembic was installed, if it was.
pub fn alembic() -> Option<PathBuf> {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/alembic/bin/alembic");
    if found.is_file() {
        return Some(found);
    }
    // Not by a macro, whose words the test harness would keep to itself.
    let line = b"Alembic is skipped: it is not in target/alembic, where .ci/run installs it\n";
    let _ = std::io::Write::write_all(&mut std::io::stderr(), line);
    None
}

/// A project of Alembic's with these revisions, each the next of the one before.
pub fn alembic_project(shop: &Fixture, upgrades: &[&str]) {
    let folder = shop.folder();
    let url = match shop.place() {
        Place::Sqlite(_) => format!("sqlite:///{}", shop.path().display()),
        Place::MatrixOne => shop.address().replacen("matrixone:", "mysql+pymysql:", 1),
    };
    fs::create_dir_all(folder.join("alembic/versions")).unwrap();
    fs::write(
        folder.join("alembic.ini"),
        format!("[alembic]\nscript_location = {}/alembic\n", folder.display()),
    )
    .unwrap();
    fs::write(
        folder.join("alembic/env.py"),
        format!(
            "from alembic import context\nfrom sqlalchemy import create_engine\n\
             with create_engine('{url}').connect() as connection:\n    \
             context.configure(connection=connection)\n    \
             with context.begin_transaction():\n        context.run_migrations()\n"
        ),
    )
    .unwrap();
    for (number, upgrade) in upgrades.iter().enumerate() {
        let before =
            number.checked_sub(1).map_or("None".to_owned(), |before| format!("'r{before}'"));
        let text = format!(
            "from alembic import op\nrevision = 'r{number}'\ndown_revision = {before}\n\
             def upgrade():\n    {}\ndef downgrade():\n    pass\n",
            upgrade.replace('\n', "\n    ")
        );
        fs::write(folder.join(format!("alembic/versions/r{number}.py")), text).unwrap();
    }
}
