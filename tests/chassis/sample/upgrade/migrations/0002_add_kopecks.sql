-- Expand: builds that know kopecks fill the new columns, builds before them go on without.
ALTER TABLE total ADD COLUMN kopecks jsonb, ADD COLUMN sum_kopecks bigint;
ALTER TABLE total ALTER COLUMN amounts DROP NOT NULL, ALTER COLUMN sum DROP NOT NULL;
