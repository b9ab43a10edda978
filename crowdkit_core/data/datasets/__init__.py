"""Data sets of image files: a user's folder, dot images, and the published ones as downloaded."""
