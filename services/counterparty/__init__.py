"""One accounting record per buyer: finds or creates it, keeps the links, shows the conflicts."""
