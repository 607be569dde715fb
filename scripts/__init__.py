"""Small programs for those who work on Asterion; run each as `python -m scripts.<name>`."""
