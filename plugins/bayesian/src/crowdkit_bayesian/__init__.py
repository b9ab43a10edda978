"""The Bayesian loss of Ma et al. (ICCV 2019) for crowdkit."""
