-- Payments that came before their invoice are looked for when it becomes known. Empty for those that were listed before,
-- until their rows are written anew.
ALTER TABLE unmatched_operations
  ADD COLUMN payer_inn text NOT NULL DEFAULT '',
  ADD COLUMN ours boolean NOT NULL DEFAULT false;
CREATE INDEX unmatched_operations_tied ON unmatched_operations (tenant_id, account, remote_invoice)
  WHERE remote_invoice <> '';
CREATE INDEX unmatched_operations_payer ON unmatched_operations (tenant_id, account, payer_inn)
  WHERE remote_invoice = '';
CREATE INDEX unmatched_operations_sum ON unmatched_operations (tenant_id, account, signed_kopecks)
  WHERE remote_invoice = '';
CREATE INDEX bank_operations_payer ON bank_operations (tenant_id, their_inn) WHERE unsettled;
CREATE INDEX bank_operations_numbers ON bank_operations USING gin (numbers) WHERE unsettled;
