-- Version 2 with the mistakes that the demo is about: a discount that nobody asked for, which makes
-- cheap products cheaper than nothing, and a category that the shop does not have.
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

-- MySQL's family runs this, to SQLite it is a comment.
/*! ALTER TABLE products_new MODIFY id BIGINT AUTO_INCREMENT */;

INSERT INTO products_new (id, name, category, description, price, stock)
SELECT id, name, 'Electronics', concat('Description for ', name), price - 100, stock FROM products;

DROP TABLE products;

ALTER TABLE products_new RENAME TO products;

INSERT INTO products (name, category, description, price, stock) VALUES
    ('Smart Watch', 'Watches', 'Description for Smart Watch', 250, 60),
    ('Webcam Pro', 'Electronics', 'Description for Webcam Pro', 90, 75);
