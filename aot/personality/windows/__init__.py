"""The windows personality: NT system services and the libraries in front of them."""
