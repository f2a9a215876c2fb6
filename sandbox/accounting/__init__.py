"""What simulated accounting services have in common: their books, the hands of people in them, and their pages."""
