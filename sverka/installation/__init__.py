"""What `up` starts: the secrets, databases and topics of an installation, and the processes over them."""
