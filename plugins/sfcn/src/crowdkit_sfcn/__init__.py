"""SFCN, the spatial network of Wang et al. (CVPR 2019), for crowdkit."""
