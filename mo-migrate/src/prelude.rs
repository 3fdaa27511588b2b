//! What a file with migrations needs: `use mo_migrate::prelude::*;`

pub use sea_query::{
    Alias, ColumnDef, Expr, ExprTrait, ForeignKey, ForeignKeyAction, Func, Iden, Index, Order,
    Query, Table,
};

pub use crate::error::{Error, Result};
pub use crate::migration::Session;
pub use crate::migrator::Migrator;
pub use crate::params;
pub use crate::report::{Outcome, Report};
pub use crate::validate::Verdict;
pub use crate::value::{Row, Value};
pub use crate::{migration, migrations, validator};
