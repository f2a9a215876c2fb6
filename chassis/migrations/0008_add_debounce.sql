-- A task that was planned again waits so long (business time), so that what comes shortly after it is seen in one run.
ALTER TABLE work ADD COLUMN debounce interval NOT NULL DEFAULT '0';
