"""DSSINet's loss (Liu et al., ICCV 2019) for crowdkit."""
