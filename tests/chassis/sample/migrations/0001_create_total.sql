CREATE TABLE total (
  tenant_id text   NOT NULL,
  account   text   NOT NULL,
  amounts   jsonb  NOT NULL,
  sum       bigint NOT NULL,
  PRIMARY KEY (tenant_id, account)
);
SELECT chassis.protect('total');
