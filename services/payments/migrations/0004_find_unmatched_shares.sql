-- Shares of one bank operation, listed as operation-ACCOUNT/OPERATION/INVOICE, are looked up by the operation.
CREATE INDEX unmatched_operations_share
  ON unmatched_operations (tenant_id, account, split_part(substr(operation, length(account) + 12), '/', 1));
