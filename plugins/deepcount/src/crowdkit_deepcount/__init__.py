"""DeepCount, the count regressor of Chen et al. with density branches, for crowdkit."""
