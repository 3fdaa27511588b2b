//! Removes what failed tests have kept on the server of `MATRIXONE_URL`: `forget DATABASE…`.

use mo_migrate_tests::server;

fn main() {
    for database in std::env::args().skip(1) {
        server::forget(&database);
    }
}
