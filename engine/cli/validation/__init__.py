"""What ``engine validate`` does: find the files, check each (or remember its check), check them together, and tell."""
