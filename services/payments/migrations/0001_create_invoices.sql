-- Invoices to be paid, the payments that count for them, and operations that fit none.
CREATE TABLE invoices (
  tenant_id     text    NOT NULL,
  invoice_id    uuid    NOT NULL,
  stream        text    NOT NULL,
  account       text    NOT NULL,
  remote_id     text    NOT NULL,
  number        text    NOT NULL,
  due_date      date    NOT NULL,
  total_kopecks bigint  NOT NULL,
  paid_kopecks  bigint  NOT NULL,
  status        text    NOT NULL,
  overdue_days  integer NOT NULL,
  PRIMARY KEY (tenant_id, invoice_id)
);
CREATE INDEX invoices_remote ON invoices (tenant_id, account, remote_id);
SELECT chassis.protect('invoices');

CREATE TABLE counted_payments (
  tenant_id      text    NOT NULL,
  payment_id     uuid    NOT NULL,
  account        text    NOT NULL,
  operation_id   text    NOT NULL,
  invoice_id     uuid    NOT NULL,
  digest         text    NOT NULL,
  revoked        boolean NOT NULL,
  signed_kopecks bigint  NOT NULL,
  PRIMARY KEY (tenant_id, payment_id)
);
CREATE INDEX counted_payments_operation ON counted_payments (tenant_id, account, operation_id);
SELECT chassis.protect('counted_payments');

CREATE TABLE unmatched_operations (
  tenant_id      text   NOT NULL,
  operation      text   NOT NULL,
  account        text   NOT NULL,
  remote_invoice text   NOT NULL,
  signed_kopecks bigint NOT NULL,
  operation_date date   NOT NULL,
  PRIMARY KEY (tenant_id, operation)
);
SELECT chassis.protect('unmatched_operations');
