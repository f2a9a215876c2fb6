-- The newest state of each tenant, without secrets; delivery reads it to leave suspended tenants' work alone.
CREATE TABLE tenant_states (
  tenant_id text    NOT NULL PRIMARY KEY,
  status    text    NOT NULL,
  version   integer NOT NULL,
  settings  jsonb   NOT NULL
);
SELECT chassis.protect('tenant_states');
CREATE POLICY delivery ON tenant_states FOR SELECT TO {{delivery}} USING (true);
GRANT SELECT ON tenant_states TO {{delivery}};
