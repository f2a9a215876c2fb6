-- Deals that were noticed, with what is known of their buyers: for lists, and for events that name a buyer alone.
CREATE TABLE deals (
  tenant_id    text    NOT NULL,
  deal_id      text    NOT NULL,
  requested    boolean NOT NULL,
  gone         boolean NOT NULL,
  title        text    NOT NULL,
  category_id  text    NOT NULL,
  stage_id     text    NOT NULL,
  content_hash text    NOT NULL,
  crm_kind     text    NOT NULL,
  crm_id       text    NOT NULL,
  requisite_id text    NOT NULL,
  inn          text    NOT NULL,
  kpp          text    NOT NULL,
  subject_ref  text    NOT NULL,
  PRIMARY KEY (tenant_id, deal_id)
);
CREATE INDEX deals_buyer ON deals (tenant_id, crm_kind, crm_id) WHERE requested;
SELECT chassis.protect('deals');

-- Entries of the portals' stage histories; observed ones were decided upon with their deal at hand.
CREATE TABLE stage_entries (
  tenant_id   text        NOT NULL,
  history_id  bigint      NOT NULL,
  deal_id     text        NOT NULL,
  category_id text        NOT NULL,
  stage_id    text        NOT NULL,
  entered_at  timestamptz NOT NULL,
  observed    boolean     NOT NULL,
  PRIMARY KEY (tenant_id, history_id)
);
CREATE INDEX stage_entries_deal ON stage_entries (tenant_id, deal_id);
SELECT chassis.protect('stage_entries');

-- When the portal last changed a deal that we have read; spares the sweep of modified deals what webhooks brought.
CREATE TABLE deal_reads (
  tenant_id  text        NOT NULL,
  deal_id    text        NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, deal_id)
);
SELECT chassis.protect('deal_reads');
