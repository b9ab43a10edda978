"""The tracker `wandb` for crowdkit."""
