"""What a guest may ask for: policies read from files, enforced while it runs, and recorded from what it did."""
