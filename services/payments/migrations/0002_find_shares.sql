-- Shares of one bank operation, OPERATION/INVOICE, are looked up by the operation.
CREATE INDEX counted_payments_share ON counted_payments (tenant_id, account, split_part(operation_id, '/', 1));
