"""Bank statement files, 1CClientBankExchange 1.01–1.03: bytes → operations, and problems by line. Pure."""

from connectors.bank_statement.statement import STATEMENT_BYTES_MAX, Statement, looks_whole, open_statement

__all__ = ["STATEMENT_BYTES_MAX", "Statement", "looks_whole", "open_statement"]
