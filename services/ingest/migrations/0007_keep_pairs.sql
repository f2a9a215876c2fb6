-- How an account stands whose pairs of tokens come from its owner: '' where they do not, waiting (nobody has connected it
-- yet), connected, lost (the owner has to connect it anew), uninstalled.
ALTER TABLE connections ADD COLUMN state text NOT NULL DEFAULT ''
  CHECK (state IN ('', 'waiting', 'connected', 'lost', 'uninstalled'));

-- What portals offer as access, kept until the authorisation server has said what it is worth.
CREATE TABLE access_offers (
  tenant_id   text        NOT NULL,
  offer_id    uuid        NOT NULL,
  delivery_id bigint      NOT NULL,
  sealed      bytea       NOT NULL,
  received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  due_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  tries       integer     NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant_id, offer_id)
);
CREATE INDEX access_offers_due ON access_offers (due_at);
SELECT chassis.protect_delivery('access_offers');
