-- Webhooks as they were received, and what became of each. Bodies are kept without tokens.
CREATE TABLE webhooks (
  tenant_id    text        NOT NULL,
  delivery_id  bigint      NOT NULL,
  received_at  timestamptz NOT NULL,
  event        text        NOT NULL,
  entity       text        NOT NULL,
  object_id    text        NOT NULL,
  content_type text        NOT NULL,
  body         bytea       NOT NULL,
  sha256       bytea       NOT NULL,
  status       text        NOT NULL CHECK (status IN ('stored', 'read', 'done', 'refused')),
  reason       text        NOT NULL,
  work_id      uuid,
  read_at      timestamptz,
  PRIMARY KEY (delivery_id, tenant_id)
) WITH (fillfactor = 90);
CREATE SEQUENCE webhooks_delivery_id AS bigint CACHE 1;
CREATE INDEX webhooks_unread ON webhooks (tenant_id, work_id) WHERE status = 'stored' AND work_id IS NOT NULL;
SELECT chassis.protect_delivery('webhooks');
GRANT USAGE ON SEQUENCE webhooks_delivery_id TO {{app}}, {{delivery}};

-- Whose address a webhook was sent to: the sum of the secret part of its path.
CREATE TABLE hooks (
  tenant_id text  NOT NULL,
  hook_hash bytea NOT NULL,
  PRIMARY KEY (tenant_id, hook_hash)
);
CREATE UNIQUE INDEX hooks_hash ON hooks (hook_hash);
SELECT chassis.protect_delivery('hooks');
