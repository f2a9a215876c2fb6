-- When the portal last changed the buyer of a deal as we have read it: the sweep of modified buyers finds what is newer.
ALTER TABLE deal_reads ADD COLUMN buyer_updated_at timestamptz;
CREATE INDEX deals_requisite ON deals (tenant_id, requisite_id) WHERE requested;
