-- Contract: no build is left that writes or reads roubles.
ALTER TABLE total DROP COLUMN amounts, DROP COLUMN sum;
