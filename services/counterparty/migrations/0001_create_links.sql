-- Which accounting record each party is, per account.
CREATE TABLE links (
  tenant_id text    NOT NULL,
  party     text    NOT NULL,
  account   text    NOT NULL,
  phase     text    NOT NULL,
  remote_id text    NOT NULL,
  created   boolean NOT NULL,
  PRIMARY KEY (tenant_id, party, account)
);
CREATE INDEX links_remote ON links (tenant_id, account, remote_id);
SELECT chassis.protect('links');
