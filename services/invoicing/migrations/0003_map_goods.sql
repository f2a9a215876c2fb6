-- The mapping list: products of the CRM that an account's nomenclature lacked, and what became of each.
CREATE TABLE goods (
  tenant_id     text    NOT NULL,
  account       text    NOT NULL,
  product_id    text    NOT NULL,
  external_code text    NOT NULL,
  name          text    NOT NULL,
  unit          text    NOT NULL,
  state         text    NOT NULL,
  item_id       text    NOT NULL,
  mapped_by     text    NOT NULL,
  waiting       integer NOT NULL,
  PRIMARY KEY (tenant_id, account, product_id)
);
SELECT chassis.protect('goods');
