"""Changes of the tables over time; `upgrade.py` runs them."""
