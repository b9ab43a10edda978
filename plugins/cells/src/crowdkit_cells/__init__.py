"""Trained weights that count cells in microscopy images, for crowdkit."""
