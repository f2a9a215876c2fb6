-- Messages in and out: inbox, dead letters, blocked keys, positions at the broker, the outbox' days, rebuilds of read rows.
CREATE TABLE inbox (
  tenant_id   text        NOT NULL,
  consumer    text        NOT NULL,
  event_id    uuid        NOT NULL,
  received_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, consumer, event_id)
);
CREATE INDEX inbox_received ON inbox USING brin (received_at);
SELECT chassis.protect_delivery('inbox');

-- tenant_id is '' for a letter whose tenant cannot be read; such a letter is the delivery role's alone.
CREATE TABLE dead_letters (
  tenant_id   text        NOT NULL,
  consumer    text        NOT NULL,
  event_id    uuid        NOT NULL,
  seq         bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
  topic       text        NOT NULL,
  partition   integer     NOT NULL,
  "offset"    bigint      NOT NULL,
  key         text        NOT NULL,
  type        text        NOT NULL,
  headers     jsonb       NOT NULL,
  body        bytea       NOT NULL,
  sent_at     timestamptz NOT NULL,
  reason      text        NOT NULL CHECK (reason IN ('content', 'unknown', 'follows')),
  error_class text        NOT NULL,
  error       text        NOT NULL,
  attempts    integer     NOT NULL,
  dead_at     timestamptz NOT NULL DEFAULT now(),
  resolved_at timestamptz,
  resolution  text        CHECK (resolution IN ('replayed', 'discarded')),
  resolved_by text,
  PRIMARY KEY (tenant_id, consumer, event_id),
  CHECK ((resolved_at IS NULL) = (resolution IS NULL) AND (resolved_at IS NULL) = (resolved_by IS NULL))
);
CREATE INDEX dead_letters_open ON dead_letters (tenant_id, consumer, topic, key, seq) WHERE resolved_at IS NULL;
SELECT chassis.protect_delivery('dead_letters');

CREATE TABLE blocked_keys (
  tenant_id  text        NOT NULL,
  consumer   text        NOT NULL,
  topic      text        NOT NULL,
  key        text        NOT NULL,
  blocked_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, consumer, topic, key)
);
SELECT chassis.protect_delivery('blocked_keys');

-- Where a consumer stands, and which event it took last: proof that the broker still has the log it had then.
CREATE TABLE consumer_positions (
  consumer      text    NOT NULL,
  topic         text    NOT NULL,
  partition     integer NOT NULL,
  next_offset   bigint  NOT NULL,
  last_event_id uuid    NOT NULL,
  PRIMARY KEY (consumer, topic, partition)
) WITH (fillfactor = 50);
GRANT SELECT, INSERT, UPDATE ON consumer_positions TO {{app}}, {{delivery}};

-- The last offset that the broker acknowledged for each partition the relay writes.
CREATE TABLE relay_positions (
  topic       text    NOT NULL,
  partition   integer NOT NULL,
  last_offset bigint  NOT NULL,
  PRIMARY KEY (topic, partition)
) WITH (fillfactor = 50);
GRANT SELECT, INSERT, UPDATE, DELETE ON relay_positions TO {{delivery}};

-- Makes the outbox' partitions of today and `ahead` days, and drops those older than `kept` days in which all is sent.
-- Rows of a day without a partition lie in outbox_rest and are deleted from there.
CREATE FUNCTION chassis.roll_outbox(ahead integer, kept integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
  today date := (now() AT TIME ZONE 'UTC')::date;
  day   date;
  name  text;
  sent  boolean;
BEGIN
  FOR day IN SELECT today + n FROM generate_series(0, ahead) AS n LOOP
    name := 'outbox_' || to_char(day, 'YYYYMMDD');
    CONTINUE WHEN to_regclass(name) IS NOT NULL;
    BEGIN
      EXECUTE format('CREATE TABLE %I (LIKE outbox INCLUDING DEFAULTS, CHECK (created_on = DATE %L)) '
                     'WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0)', name, day);
      EXECUTE format('ALTER TABLE outbox ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name, day, day + 1);
    EXCEPTION WHEN check_violation THEN
      NULL; -- rows of this day are in outbox_rest already, and stay there
    END;
  END LOOP;
  FOR name IN
    SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'outbox'::regclass AND c.relname ~ '^outbox_\d{8}$'
      AND to_date(right(c.relname, 8), 'YYYYMMDD') < today - kept
  LOOP
    EXECUTE format('SELECT NOT EXISTS (SELECT FROM %I WHERE published_at IS NULL)', name) INTO sent;
    IF sent THEN
      EXECUTE format('DROP TABLE %I', name);
    END IF;
  END LOOP;
  DELETE FROM outbox_rest WHERE created_on < today - kept AND published_at IS NOT NULL;
END $$;
REVOKE ALL ON FUNCTION chassis.roll_outbox(integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION chassis.roll_outbox(integer, integer) TO {{delivery}};
SELECT chassis.roll_outbox(2, 7);

-- The tenants that have events, and nothing more of them: what a republish or a rebuild goes through.
CREATE POLICY owner_names_tenants ON events FOR SELECT TO {{owner}} USING (true);
CREATE FUNCTION chassis.known_tenants() RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH RECURSIVE found(tenant_id) AS (
    (SELECT tenant_id FROM events ORDER BY tenant_id LIMIT 1)
    UNION ALL
    SELECT (SELECT e.tenant_id FROM events e WHERE e.tenant_id > found.tenant_id ORDER BY e.tenant_id LIMIT 1)
    FROM found WHERE found.tenant_id IS NOT NULL
  )
  SELECT tenant_id FROM found WHERE tenant_id IS NOT NULL
$$;
REVOKE ALL ON FUNCTION chassis.known_tenants() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION chassis.known_tenants() TO {{delivery}};

-- Rebuild of a table of read rows: while <table>__next is filled stream by stream, live appends write both.
CREATE FUNCTION chassis.write_next() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  next_name text := TG_TABLE_NAME || '__next';
  same_key  text;
  columns   text;
  fields    text;
BEGIN
  SELECT string_agg(format('n.%1$I = ($1).%1$I', a.attname), ' AND ') INTO same_key
  FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
  WHERE i.indrelid = TG_RELID AND i.indisprimary;
  IF TG_OP <> 'INSERT' THEN
    EXECUTE format('DELETE FROM %I.%I n WHERE %s', TG_TABLE_SCHEMA, next_name, same_key) USING OLD;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    SELECT string_agg(quote_ident(attname), ', '), string_agg(format('($1).%I', attname), ', ') INTO columns, fields
    FROM pg_attribute WHERE attrelid = TG_RELID AND attnum > 0 AND NOT attisdropped AND attgenerated = '';
    EXECUTE format('DELETE FROM %I.%I n WHERE %s', TG_TABLE_SCHEMA, next_name, same_key) USING NEW;
    EXECUTE format('INSERT INTO %I.%I (%s) OVERRIDING SYSTEM VALUE SELECT %s', TG_TABLE_SCHEMA, next_name, columns, fields)
      USING NEW;
  END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION chassis.assert_read_rows(target text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF NOT has_table_privilege('{{app}}', target, 'DELETE') OR has_table_privilege('{{delivery}}', target, 'SELECT') THEN
    RAISE EXCEPTION '% is not a table of read rows', target USING ERRCODE = 'insufficient_privilege';
  END IF;
END $$;

CREATE FUNCTION chassis.begin_rebuild(target text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '5s' AS $$
DECLARE
  next_name text := target || '__next';
BEGIN
  PERFORM chassis.assert_read_rows(target);
  EXECUTE format('DROP TRIGGER IF EXISTS write_next ON %I', target);
  EXECUTE format('DROP TABLE IF EXISTS %I', next_name);
  EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', next_name, target);
  PERFORM chassis.protect(next_name::regclass);
  EXECUTE format('ALTER TABLE %I NO FORCE ROW LEVEL SECURITY', next_name); -- its owner copies it in the end
  EXECUTE format('CREATE TRIGGER write_next AFTER INSERT OR UPDATE OR DELETE ON %I '
                 'FOR EACH ROW EXECUTE FUNCTION chassis.write_next()', target);
END $$;

CREATE FUNCTION chassis.finish_rebuild(target text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '5s' AS $$
DECLARE
  next_name text := target || '__next';
  columns   text;
  copied    bigint;
BEGIN
  PERFORM chassis.assert_read_rows(target);
  EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', target);
  EXECUTE format('DROP TRIGGER write_next ON %I', target);
  SELECT string_agg(quote_ident(attname), ', ') INTO columns FROM pg_attribute
  WHERE attrelid = target::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '';
  EXECUTE format('ALTER TABLE %I NO FORCE ROW LEVEL SECURITY', target);
  EXECUTE format('TRUNCATE %I', target);
  EXECUTE format('INSERT INTO %I (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM %I', target, columns, columns, next_name);
  GET DIAGNOSTICS copied = ROW_COUNT;
  EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', target);
  EXECUTE format('DROP TABLE %I', next_name);
  RETURN copied;
END $$;

-- A rebuild that was given up: live appends write the old table alone again.
CREATE FUNCTION chassis.abandon_rebuild(target text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '5s' AS $$
BEGIN
  PERFORM chassis.assert_read_rows(target);
  EXECUTE format('DROP TRIGGER IF EXISTS write_next ON %I', target);
  EXECUTE format('DROP TABLE IF EXISTS %I', target || '__next');
END $$;

REVOKE ALL ON FUNCTION chassis.begin_rebuild(text), chassis.finish_rebuild(text), chassis.abandon_rebuild(text)
  FROM PUBLIC;
GRANT EXECUTE ON FUNCTION chassis.begin_rebuild(text), chassis.finish_rebuild(text), chassis.abandon_rebuild(text)
  TO {{delivery}};
