"""DSNet's loss (Dai et al., 2019) for crowdkit."""
