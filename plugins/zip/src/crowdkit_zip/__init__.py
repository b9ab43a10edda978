"""ZIP: blocks of an image as zero-inflated Poisson variables, for crowdkit."""
