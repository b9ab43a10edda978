"""The generalized loss of Wan, Liu and Chan (CVPR 2021) for crowdkit."""
