"""What notebooks/explore.ipynb shows: any results folder, and a form for small tuning runs."""
