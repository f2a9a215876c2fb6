-- Vendor accounts of tenants. What is sealed opens only in its own row; a limit without numbers is unlimited.
CREATE TABLE connections (
  tenant_id     text    NOT NULL,
  account       text    NOT NULL,
  vendor        text    NOT NULL,
  profile       text    NOT NULL,
  sealed        bytea   NOT NULL,
  burst         integer,
  per_second    double precision,
  token         bytea,
  token_ends_at timestamptz,
  lease_epoch   integer NOT NULL DEFAULT 0,
  lease_until   timestamptz,
  PRIMARY KEY (tenant_id, account),
  CHECK ((burst IS NULL) = (per_second IS NULL))
);
SELECT chassis.protect('connections');

-- What is left of each account's limit, in business time.
CREATE TABLE buckets (
  tenant_id         text             NOT NULL,
  account           text             NOT NULL,
  burst             integer          NOT NULL,
  per_second        double precision NOT NULL,
  at                timestamptz      NOT NULL,
  tokens            double precision NOT NULL,
  sweep             double precision NOT NULL,
  sweep_waits_since timestamptz,
  resume            double precision NOT NULL,
  factor            double precision NOT NULL,
  closed_until      timestamptz,
  refusals          integer          NOT NULL,
  PRIMARY KEY (tenant_id, account)
) WITH (fillfactor = 50);
SELECT chassis.protect('buckets');

-- The tenant's file as it was applied last, without its secrets; what a new one differs from.
CREATE TABLE tenant_files (
  tenant_id text  NOT NULL PRIMARY KEY,
  document  jsonb NOT NULL
);
SELECT chassis.protect('tenant_files');
