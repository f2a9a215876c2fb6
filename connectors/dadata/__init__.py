"""DaData: companies and entrepreneurs of the state register by INN."""
