"""Speed, as ratios: both sides of every row are measured in turn, in one run, on one machine."""
