"""SANet and its loss (Cao et al., ECCV 2018) for crowdkit."""
