"""CFANet, its background-aware structural loss (Rong and Li, WACV 2021) and MARUNet."""
