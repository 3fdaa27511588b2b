//! Version 1: the catalogue as the shop opened with it.

use mo_migrate::prelude::*;

/// Makes the table and its five products. It reaches nothing but its session, so that it may be
/// rehearsed.
///
/// # Errors
/// There is a table of this name.
#[migration(version = 1, rehearsable, down = "src/version_1.down.sql")]
pub async fn create_products(db: &mut Session<'_>) -> Result<()> {
    db.execute(
        Table::create()
            .table("products")
            .col(ColumnDef::new("id").big_integer().not_null().auto_increment().primary_key())
            .col(ColumnDef::new("name").string_len(200).not_null())
            .col(ColumnDef::new("price").integer().not_null())
            .col(ColumnDef::new("stock").integer().not_null())
            .take(),
    )
    .await?;

    let mut products = Query::insert();
    products.into_table("products").columns(["name", "price", "stock"]);
    for (name, price, stock) in [
        ("Gaming Laptop", 1500, 20),
        ("Wireless Mouse", 30, 150),
        ("Mechanical Keyboard", 120, 80),
        ("4K Monitor", 400, 45),
        ("USB-C Hub", 50, 200),
    ] {
        products.values_panic([name.into(), price.into(), stock.into()]);
    }
    db.execute(products).await?;
    Ok(())
}
