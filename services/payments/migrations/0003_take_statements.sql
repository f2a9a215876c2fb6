-- What matching needs of an invoice; empty for those that were issued before, until their rows are written anew.
ALTER TABLE invoices
  ADD COLUMN issued_on    date,
  ADD COLUMN buyer_inn    text NOT NULL DEFAULT '',
  ADD COLUMN plain_number text NOT NULL DEFAULT '',
  ADD COLUMN vat_kopecks  bigint;
CREATE INDEX invoices_number ON invoices (tenant_id, plain_number);
CREATE INDEX invoices_buyer ON invoices (tenant_id, buyer_inn) WHERE buyer_inn <> '';

-- Bank statement files, and what became of each.
CREATE TABLE statements (
  tenant_id     text        NOT NULL,
  statement_id  text        NOT NULL,
  stream        text        NOT NULL,
  file_name     text        NOT NULL,
  size_bytes    bigint      NOT NULL,
  received_at   timestamptz NOT NULL,
  status        text        NOT NULL,
  sections      integer     NOT NULL,
  taken         integer     NOT NULL,
  problem_count integer     NOT NULL,
  problems      jsonb       NOT NULL,
  accounts      jsonb       NOT NULL,
  first_day     date,
  last_day      date,
  PRIMARY KEY (tenant_id, statement_id)
);
CREATE INDEX statements_received ON statements (tenant_id, received_at);
SELECT chassis.protect('statements');

-- Operations of our bank accounts as statements list them, with how each stands.
CREATE TABLE bank_operations (
  tenant_id      text    NOT NULL,
  payment_id     uuid    NOT NULL,
  stream         text    NOT NULL,
  state          text    NOT NULL,
  unsettled      boolean NOT NULL,
  statement_id   text    NOT NULL,
  line           integer NOT NULL,
  own_account    text    NOT NULL,
  operation_day  date    NOT NULL,
  order_number   text    NOT NULL,
  order_date     date    NOT NULL,
  signed_kopecks bigint  NOT NULL,
  their_inn      text    NOT NULL,
  their_name     text    NOT NULL,
  numbers        jsonb   NOT NULL,
  score          integer NOT NULL,
  reasons        jsonb   NOT NULL,
  candidates     jsonb   NOT NULL,
  PRIMARY KEY (tenant_id, payment_id)
);
CREATE INDEX bank_operations_days ON bank_operations (tenant_id, own_account, operation_day);
CREATE INDEX bank_operations_states ON bank_operations (tenant_id, state, operation_day);
SELECT chassis.protect('bank_operations');

-- For which invoices an operation of a statement counts, and with how much: {invoice: kopecks}.
CREATE TABLE allotments (
  tenant_id     text  NOT NULL,
  payment_id    uuid  NOT NULL,
  stream        text  NOT NULL,
  allotments    jsonb NOT NULL,
  own_account   text  NOT NULL,
  operation_day date  NOT NULL,
  order_number  text  NOT NULL,
  their_inn     text  NOT NULL,
  their_name    text  NOT NULL,
  PRIMARY KEY (tenant_id, payment_id)
);
CREATE INDEX allotments_invoices ON allotments USING gin (allotments);
SELECT chassis.protect('allotments');
