"""RAZNet of Liu et al., counting and localising with recurrent attentive zooming, for crowdkit."""
