//! A folder with migrations, and the command started in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_migrate_from_dir");

/// Makes `products` with three rows.
pub(crate) const PRODUCTS: &str = "CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT NOT NULL);\n\
    INSERT INTO products (name) VALUES ('Laptop'), ('Mouse'), ('Mechanical Keyboard');\n";

/// Adds a column, and loses a row.
pub(crate) const LOSES_ONE: &str =
    "ALTER TABLE products ADD COLUMN category TEXT;\nDELETE FROM products WHERE id = 3;\n";

/// Finds the rows that were lost.
pub(crate) const NONE_LOST: &str = "-- check: no product is lost\n\
    SELECT b.id, b.name FROM {{before.products}} b LEFT JOIN products p ON p.id = b.id WHERE p.id IS NULL;\n";

/// A folder of its own; the address is `sqlite:app.db` in the environment.
pub(crate) struct Shop {
    folder: tempfile::TempDir,
}

/// What a command left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    pub(crate) fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self {
            code: output.status.code().unwrap_or(-1),
            out: text(&output.stdout),
            err: text(&output.stderr),
        }
    }

    /// The same, if it ended with this code.
    #[track_caller]
    pub(crate) fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        self
    }

    /// The one document on standard output.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        let parsed = serde_json::from_str(&self.out);
        parsed.unwrap_or_else(|error| panic!("{error}: `{}`\n{}", self.out, self.err))
    }

    pub(crate) fn last_line(&self) -> &str {
        self.out.lines().last().unwrap_or_default()
    }
}

impl Shop {
    /// With these files in `migrations`.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let shop = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::create_dir(shop.path("migrations")).unwrap();
        for (name, text) in files {
            shop.write(name, text);
        }
        shop
    }

    /// With `products`, and applied.
    pub(crate) fn open() -> Self {
        let shop = Self::new(&[("1_create_products.sql", PRODUCTS)]);
        shop.run("up").ends(0);
        shop
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path("migrations").join(name), text).unwrap();
    }

    pub(crate) fn remove(&self, name: &str) {
        std::fs::remove_file(self.path("migrations").join(name)).unwrap();
    }

    /// The command without its words.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(PROGRAM);
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        for (name, _) in std::env::vars() {
            if name.starts_with("MO_MIGRATE_")
                || matches!(name.as_str(), "NO_COLOR" | "CLICOLOR_FORCE" | "RUST_LOG")
            {
                command.env_remove(name);
            }
        }
        command.env("DATABASE_URL", "sqlite:app.db");
        command
    }

    /// Runs these words, which have no blanks in them.
    pub(crate) fn run(&self, words: &str) -> Ran {
        self.run_with(words, &[])
    }

    /// Runs these words with these variables.
    pub(crate) fn run_with(&self, words: &str, variables: &[(&str, &str)]) -> Ran {
        let mut command = self.command();
        command.args(words.split_whitespace()).envs(variables.iter().copied());
        Ran::of(&command.output().unwrap())
    }

    /// What the database answers, as `sqlite3` shows it.
    pub(crate) fn sql(&self, sql: &str) -> String {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            use sqlx::{Connection as _, Row as _};
            let address = format!("sqlite:{}", self.path("app.db").display());
            let mut connection = sqlx::SqliteConnection::connect(&address).await.unwrap();
            let rows = sqlx::query(sqlx::AssertSqlSafe(sql.to_owned()))
                .fetch_all(&mut connection)
                .await
                .unwrap();
            connection.close().await.unwrap();
            let cell = |row: &sqlx::sqlite::SqliteRow| {
                row.try_get::<i64, _>(0)
                    .map_or_else(|_| row.get::<String, _>(0), |number| number.to_string())
            };
            rows.iter().map(cell).collect::<Vec<_>>().join(",")
        })
    }

    /// Every file of the folder with its bytes.
    pub(crate) fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        collect(self.folder.path(), &mut found);
        found.sort();
        found
    }
}

fn collect(folder: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else {
            found.push((path.clone(), std::fs::read(path).unwrap()));
        }
    }
}
