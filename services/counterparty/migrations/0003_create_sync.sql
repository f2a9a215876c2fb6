-- Why the account refused a party's record.
ALTER TABLE links ADD COLUMN refused jsonb;
-- What is on its way in an account; a first sync keeps it short.
CREATE INDEX links_open ON links (tenant_id, account) WHERE phase IN ('looking', 'checking', 'creating');

-- What a first sync read of the CRM: companies, and their requisites with the party that each names or what is wrong.
CREATE TABLE sync_companies (
  tenant_id  text    NOT NULL,
  account    text    NOT NULL,
  company_id text    NOT NULL,
  run        integer NOT NULL,
  title      text    NOT NULL,
  own        boolean NOT NULL,
  PRIMARY KEY (tenant_id, account, company_id)
);
SELECT chassis.protect('sync_companies');

CREATE TABLE sync_requisites (
  tenant_id    text    NOT NULL,
  account      text    NOT NULL,
  requisite_id text    NOT NULL,
  run          integer NOT NULL,
  company_id   text    NOT NULL,
  name         text    NOT NULL,
  inn          text    NOT NULL,
  kpp          text    NOT NULL,
  party        text    NOT NULL,
  fault        text    NOT NULL,
  PRIMARY KEY (tenant_id, account, requisite_id)
);
CREATE INDEX sync_requisites_inn ON sync_requisites (tenant_id, account, inn) WHERE fault = '';
CREATE INDEX sync_requisites_company ON sync_requisites (tenant_id, account, company_id);
SELECT chassis.protect('sync_requisites');

-- What it read of the accounting service.
CREATE TABLE sync_records (
  tenant_id text    NOT NULL,
  account   text    NOT NULL,
  remote_id text    NOT NULL,
  run       integer NOT NULL,
  inn       text    NOT NULL,
  kpp       text    NOT NULL,
  name      text    NOT NULL,
  PRIMARY KEY (tenant_id, account, remote_id)
);
CREATE INDEX sync_records_inn ON sync_records (tenant_id, account, inn);
SELECT chassis.protect('sync_records');

-- What comes of each requisite, of a company without any, and of a record that is there twice.
CREATE TABLE sync_items (
  tenant_id    text    NOT NULL,
  account      text    NOT NULL,
  item         text    NOT NULL,
  run          integer NOT NULL,
  company_id   text    NOT NULL,
  requisite_id text    NOT NULL,
  name         text    NOT NULL,
  inn          text    NOT NULL,
  kpp          text    NOT NULL,
  party        text    NOT NULL,
  verdict      text    NOT NULL,
  reason       text    NOT NULL,
  details      jsonb   NOT NULL,
  remote_id    text    NOT NULL,
  PRIMARY KEY (tenant_id, account, item)
);
CREATE INDEX sync_items_verdict ON sync_items (tenant_id, account, verdict, item);
SELECT chassis.protect('sync_items');
