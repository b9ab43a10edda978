"""CAN, the context-aware network of Liu, Salzmann and Fua (CVPR 2019), for crowdkit."""
