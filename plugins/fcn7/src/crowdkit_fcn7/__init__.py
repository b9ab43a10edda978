"""FCN-7c, the seven-layer network of Kang and Chan (BMVC 2018), for crowdkit."""
