"""Every table of every service with rows of several tenants, and many who look and write as one of them."""
