"""What is done to a forecast after it was made: adding it up over the levels, and putting ranges round it."""
