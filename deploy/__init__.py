"""How the project is run: embedded on one machine, in containers, and on Kubernetes."""
