"""Orders of 1C-Bitrix shops, pushed to us by our own module: the contract ``shop-order/v1``."""
