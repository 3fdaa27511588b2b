-- The two products that came with version 2 go with it; what was sold since stays.
DELETE FROM products WHERE name IN ('Smart Watch', 'Webcam Pro');
ALTER TABLE products DROP COLUMN review_count;
ALTER TABLE products DROP COLUMN rating;
ALTER TABLE products DROP COLUMN description;
ALTER TABLE products DROP COLUMN category;
