-- The event store, the outbox and row-level security. {{app}} and {{delivery}} are the service's two login roles.
CREATE SCHEMA chassis;
GRANT USAGE ON SCHEMA chassis TO {{app}}, {{delivery}};

CREATE FUNCTION chassis.tenants() RETURNS text[] LANGUAGE plpgsql STABLE AS $$
DECLARE
  named text := current_setting('app.tenants', true);
BEGIN
  IF named IS NULL OR named = '' THEN
    RAISE EXCEPTION 'this transaction names no tenant' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN named::text[];
END $$;

-- Gives a table its tenant policy; every table with a tenant goes through here or through protect_delivery().
CREATE FUNCTION chassis.protect(target regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
  EXECUTE format('CREATE POLICY tenant ON %s TO {{app}} USING (tenant_id = ANY ((SELECT chassis.tenants())::text[])) '
                 'WITH CHECK (tenant_id = ANY ((SELECT chassis.tenants())::text[]))', target);
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO {{app}}', target);
END $$;

-- A delivery table is also reached across tenants by the delivery role.
CREATE FUNCTION chassis.protect_delivery(target regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM chassis.protect(target);
  EXECUTE format('CREATE POLICY delivery ON %s TO {{delivery}} USING (true) WITH CHECK (true)', target);
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO {{delivery}}', target);
END $$;

CREATE TABLE events (
  tenant_id    text        NOT NULL,
  stream       text        NOT NULL,
  version      integer     NOT NULL,
  position     bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
  type         text        NOT NULL,
  type_version integer     NOT NULL,
  data         jsonb       NOT NULL,
  command_id   text        NOT NULL,
  metadata     jsonb       NOT NULL,
  recorded_at  timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, stream, version)
);
CREATE INDEX events_position ON events (position);
SELECT chassis.protect('events');
REVOKE UPDATE, DELETE ON events FROM {{app}};

CREATE TABLE outbox (
  seq          bigint      NOT NULL GENERATED ALWAYS AS IDENTITY (CACHE 1),
  tenant_id    text        NOT NULL,
  topic        text        NOT NULL,
  key          text        NOT NULL,
  message_id   uuid        NOT NULL,
  headers      jsonb       NOT NULL,
  body         bytea       NOT NULL,
  lane         smallint    NOT NULL,
  created_on   date        NOT NULL DEFAULT (now() AT TIME ZONE 'UTC')::date,
  created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  published_at timestamptz,
  PRIMARY KEY (created_on, seq, tenant_id)
) PARTITION BY RANGE (created_on);
CREATE TABLE outbox_rest PARTITION OF outbox DEFAULT;
-- The relay reads each lane by itself, and looks for bulk rows that an interactive row of the same key must not overtake.
CREATE INDEX outbox_unsent ON outbox (lane, seq) WHERE published_at IS NULL;
CREATE INDEX outbox_unsent_bulk ON outbox (key, seq) WHERE published_at IS NULL AND lane = 1;
SELECT chassis.protect_delivery('outbox');
