"""Losses of Shi, Mettes and Snoek, Counting with Focus for Free (ICCV 2019), for crowdkit."""
