-- Documents of deals, as lists and searches show them.
CREATE TABLE documents (
  tenant_id     text    NOT NULL,
  document_id   uuid    NOT NULL,
  deal_id       text    NOT NULL,
  kind          text    NOT NULL,
  revision      integer NOT NULL,
  phase         text    NOT NULL,
  number        text    NOT NULL,
  remote_id     text    NOT NULL,
  total_kopecks bigint,
  blob          text    NOT NULL,
  PRIMARY KEY (tenant_id, document_id)
);
CREATE INDEX documents_deal ON documents (tenant_id, deal_id);
CREATE INDEX documents_number ON documents (tenant_id, number);
SELECT chassis.protect('documents');
