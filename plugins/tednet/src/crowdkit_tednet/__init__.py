"""TEDNet's losses (Jiang et al., CVPR 2019) for crowdkit."""
