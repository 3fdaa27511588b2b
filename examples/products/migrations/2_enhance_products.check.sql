-- Each check asks for the rows that are wrong: none may come back.

-- check: no product is lost
SELECT b.id, b.name
FROM {{before.products}} b LEFT JOIN products p ON p.id = b.id
WHERE p.id IS NULL;

-- check: prices are unchanged
SELECT p.id, p.name, b.price AS price_before, p.price
FROM {{before.products}} b JOIN products p ON p.id = b.id
WHERE p.price <> b.price;

-- check: columns_unchanged(products, id, name, price, stock)
-- check: not_null(products.description)
-- check: unique(products, name)
-- check: accepted(products.category, 'Electronics', 'Wearables')

-- check: two products came
SELECT * FROM (
    SELECT (SELECT count(*) FROM {{before.products}}) AS before, (SELECT count(*) FROM products) AS now
) AS counted
WHERE now <> before + 2;

-- check: query_time(p95 < 250ms, n = 20)
SELECT id, name, price FROM products WHERE category = 'Electronics' ORDER BY name;

-- check(snapshot): the snapshot has the 5 products, and those that came since
SELECT * FROM (SELECT count(*) AS products FROM products) AS counted WHERE products < 5;

-- check(snapshot): in the snapshot, the Gaming Laptop costs 1500
SELECT * FROM (SELECT count(*) AS found FROM products WHERE name = 'Gaming Laptop' AND price = 1500) AS counted
WHERE found <> 1;
