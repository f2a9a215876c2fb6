"""Kontur.Accounting (Контур.Бухгалтерия) by a contract of this project: the vendor publishes no description."""
