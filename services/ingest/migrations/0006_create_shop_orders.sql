-- Whose address a shop posts its orders to: the sum of the secret part of its path.
CREATE TABLE shop_hooks (
  tenant_id text  NOT NULL,
  shop_id   text  NOT NULL,
  hook_hash bytea NOT NULL,
  PRIMARY KEY (tenant_id, shop_id)
);
CREATE UNIQUE INDEX shop_hooks_hash ON shop_hooks (hook_hash);
SELECT chassis.protect_delivery('shop_hooks');

-- Pushes by the id that all their retries share; an order's newest is read, as often as need be. Bodies are the webhooks'.
CREATE TABLE shop_pushes (
  tenant_id   text        NOT NULL,
  shop_id     text        NOT NULL,
  push_id     uuid        NOT NULL,
  delivery_id bigint      NOT NULL,
  order_id    bigint,
  version     bigint,
  occurred_at timestamptz NOT NULL,
  received_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, shop_id, push_id)
);
CREATE INDEX shop_pushes_order ON shop_pushes (tenant_id, shop_id, order_id);
CREATE INDEX shop_pushes_age ON shop_pushes (received_at);
SELECT chassis.protect_delivery('shop_pushes');

-- Orders of shops as they were seen last.
CREATE TABLE shop_orders (
  tenant_id    text    NOT NULL,
  deal_id      text    NOT NULL,
  shop_id      text    NOT NULL,
  order_id     bigint  NOT NULL,
  number       text    NOT NULL,
  version      bigint  NOT NULL,
  requested    boolean NOT NULL,
  gone         boolean NOT NULL,
  content_hash text    NOT NULL,
  subject_ref  text    NOT NULL,
  PRIMARY KEY (tenant_id, deal_id)
);
SELECT chassis.protect('shop_orders');
