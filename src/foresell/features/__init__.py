"""Features of a question (cutoff, day asked for): what the past shows at the cutoff and what is known of the day."""
