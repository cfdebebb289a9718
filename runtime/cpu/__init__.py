"""CPU backends behind one narrow door (api.py)."""
