-- The tenant's own retry schedule, beside its settings, so that the work runner need not read those every second.
ALTER TABLE tenant_states ADD COLUMN retry jsonb;
