"""Shops of 1C-Bitrix with the module that pushes their orders: the contract ``shop-order/v1``."""
