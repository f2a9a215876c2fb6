-- What each deal shows its manager now.
CREATE TABLE deals_shown (
  tenant_id      text    NOT NULL,
  deal_id        text    NOT NULL,
  status         text    NOT NULL,
  overdue_days   integer NOT NULL,
  writes_pending integer NOT NULL,
  PRIMARY KEY (tenant_id, deal_id)
);
SELECT chassis.protect('deals_shown');
