"""What every accounting service must do: written once, inherited by the tests of each vendor."""
