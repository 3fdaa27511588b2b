-- The catalogue with categories, descriptions, ratings and reviews, and two products.
-- ADD COLUMN can't put a column between others, so the table is rebuilt.

-- The new products come while the old table still counts: an id that was given out is not given again.
INSERT INTO products (name, price, stock) VALUES ('Smart Watch', 250, 60), ('Webcam Pro', 90, 75);

CREATE TABLE products_new (
    id INTEGER PRIMARY KEY,
    name VARCHAR(200) NOT NULL,
    category VARCHAR(100) DEFAULT 'Electronics',
    description TEXT,
    price INT NOT NULL,
    stock INT NOT NULL,
    rating FLOAT DEFAULT 4.5,
    review_count INT DEFAULT 0
);

-- A key of INTEGER counts up in SQLite as it is; MySQL's family runs this, to SQLite it is a comment.
/*! ALTER TABLE products_new MODIFY id BIGINT AUTO_INCREMENT */;

INSERT INTO products_new (id, name, description, price, stock)
SELECT id, name, concat('Description for ', name), price, stock FROM products;

DROP TABLE products;

ALTER TABLE products_new RENAME TO products;

UPDATE products SET category = 'Wearables' WHERE name = 'Smart Watch';
