-- Decision cards of the service's streams, as people list and take them.
CREATE TABLE decision_cards (
  tenant_id      text        NOT NULL,
  card_id        text        NOT NULL,
  stream         text        NOT NULL,
  kind           text        NOT NULL,
  choices        jsonb       NOT NULL,
  shown          jsonb       NOT NULL,
  deal_id        text        NOT NULL,
  responsible_id text        NOT NULL,
  opened_at      timestamptz NOT NULL,
  choice         text,
  taken_by       text,
  taken_at       timestamptz,
  PRIMARY KEY (tenant_id, card_id)
);
CREATE INDEX decision_cards_open ON decision_cards (tenant_id, opened_at) WHERE choice IS NULL;
SELECT chassis.protect('decision_cards');
