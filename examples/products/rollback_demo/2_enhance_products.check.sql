-- All of them run after the commit, as the shop itself would find out.

-- check(after): no product costs less than nothing
SELECT id, name, price FROM products WHERE price < 0 ORDER BY id;

-- check(after): prices are unchanged
SELECT p.id, p.name, b.price AS price_before, p.price
FROM {{before.products}} b JOIN products p ON p.id = b.id
WHERE p.price <> b.price ORDER BY p.id;

-- check(after): every category is one that the shop has
SELECT id, name, category FROM products WHERE category NOT IN ('Electronics', 'Wearables');

-- check(after): the shop's list has every product
SELECT b.name FROM {{before.products}} b
WHERE b.name NOT IN (SELECT name FROM products WHERE description = concat('Description for ', name));

-- check: query_time(p95 < 250ms, n = 20)
SELECT id, name, price FROM products WHERE category = 'Electronics' ORDER BY name;

-- check(snapshot): the snapshot has 5 products
SELECT * FROM (SELECT count(*) AS products FROM products) AS counted WHERE products <> 5;

-- check(snapshot): in the snapshot, the Gaming Laptop costs 1500
SELECT * FROM (SELECT count(*) AS found FROM products WHERE name = 'Gaming Laptop' AND price = 1500) AS counted
WHERE found <> 1;
