"""Trained weights that count people in photographs, for crowdkit."""
