"""What ingest answers: webhooks, permits to call vendors, and the commands of operators."""
