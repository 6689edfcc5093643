"""What past promotions did and earned, and which of the next ones a budget is best spent on."""
