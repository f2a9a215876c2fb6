-- The data keys of tenants, each wrapped by a key that never lies in the database.
CREATE TABLE data_keys (
  tenant_id  text        NOT NULL,
  version    integer     NOT NULL,
  kek_id     text        NOT NULL,
  wrapped    bytea       NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, version)
);
SELECT chassis.protect('data_keys');
