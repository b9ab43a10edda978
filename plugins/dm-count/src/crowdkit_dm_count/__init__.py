"""DM-Count, distribution matching by Wang et al. (NeurIPS 2020), for crowdkit."""
