"""Density maps learned together with the counter (Wan and Chan, ICCV 2019)."""
