-- When a company had changed last for which a read of its card was planned by the sweep.
CREATE TABLE company_reads (
  tenant_id  text        NOT NULL,
  company_id text        NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, company_id)
);
SELECT chassis.protect('company_reads');
