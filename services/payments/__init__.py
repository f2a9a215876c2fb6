"""What each invoice and deal owes: payments that count, balances, overdue; alone says paid."""
