-- When work that was tried and not done was due first (business time): each try moves due_at on. Null before the first
-- try, and again once it is done.
ALTER TABLE work ADD COLUMN first_due_at timestamptz;
