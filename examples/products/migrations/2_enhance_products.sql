-- The catalogue with categories, descriptions, ratings and reviews, and two products.
-- ADD COLUMN can't put a column between others, so the table is rebuilt.
CREATE TABLE products_new (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name VARCHAR(200) NOT NULL,
    category VARCHAR(100) DEFAULT 'Electronics',
    description TEXT,
    price INT NOT NULL,
    stock INT NOT NULL,
    rating FLOAT DEFAULT 4.5,
    review_count INT DEFAULT 0
);

INSERT INTO products_new (id, name, description, price, stock)
SELECT id, name, concat('Description for ', name), price, stock FROM products;

-- The id of a product that was deleted is not given to a new one.
DELETE FROM sqlite_sequence WHERE name = 'products_new';
INSERT INTO sqlite_sequence (name, seq)
SELECT 'products_new', seq FROM sqlite_sequence WHERE name = 'products';

DROP TABLE products;

ALTER TABLE products_new RENAME TO products;

INSERT INTO products (name, category, description, price, stock) VALUES
    ('Smart Watch', 'Wearables', 'Description for Smart Watch', 250, 60),
    ('Webcam Pro', 'Electronics', 'Description for Webcam Pro', 90, 75);
