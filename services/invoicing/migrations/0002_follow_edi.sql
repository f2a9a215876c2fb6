-- Acts that are exchanged electronically: found by the operator's message when its feed has news of it.
CREATE TABLE edi_documents (
  tenant_id   text NOT NULL,
  document_id uuid NOT NULL,
  deal_id     text NOT NULL,
  account     text NOT NULL,
  message_id  text NOT NULL,
  phase       text NOT NULL,
  status      text NOT NULL,
  PRIMARY KEY (tenant_id, document_id)
);
CREATE INDEX edi_documents_message ON edi_documents (tenant_id, account, message_id) WHERE message_id <> '';
SELECT chassis.protect('edi_documents');
