"""MCNN, the multi-column network of Zhang et al. (CVPR 2016), for crowdkit."""
