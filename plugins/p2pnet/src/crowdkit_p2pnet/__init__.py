"""P2PNet: people as points, for crowdkit."""
