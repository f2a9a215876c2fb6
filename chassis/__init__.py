"""The microservice chassis: event store, messaging, effects and runtime as a library, never a process."""
