"""Pure value types and rules of Russian accounting shared by the services: money, VAT, documents, dates, identities."""
