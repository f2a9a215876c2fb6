-- The generation of each log that the relay writes: a higher one says that the log before it was lost.
CREATE TABLE relay_generations (
  topic      text   NOT NULL PRIMARY KEY,
  generation bigint NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON relay_generations TO {{delivery}};

-- A republished event may lie by chance where it lay in a log that was lost; the sending that brought it is another.
ALTER TABLE consumer_positions ADD COLUMN last_sending text NOT NULL DEFAULT '';
