-- What the state register said of an INN, and when; an INN that it does not have is kept too, as a card that is null.
CREATE TABLE company_cards (
  tenant_id  text        NOT NULL,
  inn        text        NOT NULL,
  kpp        text        NOT NULL,
  card       jsonb,
  fetched_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, inn, kpp)
);
SELECT chassis.protect('company_cards');

-- What was asked of each provider on a day of Moscow, and until when it is left alone.
CREATE TABLE register_days (
  tenant_id    text    NOT NULL,
  account      text    NOT NULL,
  day          date    NOT NULL,
  calls        integer NOT NULL,
  answered     boolean NOT NULL,
  closed_until timestamptz,
  PRIMARY KEY (tenant_id, account)
) WITH (fillfactor = 50);
SELECT chassis.protect('register_days');
