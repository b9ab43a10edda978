"""The tracker `mlflow` for crowdkit."""
