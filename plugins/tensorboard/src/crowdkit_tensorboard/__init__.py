"""The tracker `tensorboard` for crowdkit."""
