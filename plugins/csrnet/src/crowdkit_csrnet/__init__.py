"""CSRNet, the dilated network of Li, Zhang and Chen (CVPR 2018), for crowdkit."""
