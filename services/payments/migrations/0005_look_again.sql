-- Invoices whose payments accounting lists no more, while the invoice itself says that it is paid: they are looked at
-- like unpaid ones.
ALTER TABLE invoices ADD COLUMN doubted boolean NOT NULL DEFAULT false;
