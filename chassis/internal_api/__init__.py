"""What every service answers under ``/internal``, to other services and to the commands of operators."""
