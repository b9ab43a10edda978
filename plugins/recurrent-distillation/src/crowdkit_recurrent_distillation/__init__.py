"""Recurrent distillation based crowd counting of Gu and Liu (2020), for crowdkit."""
