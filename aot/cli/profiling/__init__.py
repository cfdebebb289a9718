"""What `profile` does: from files to a question, from a call set to text, JSON or an OCI profile."""
