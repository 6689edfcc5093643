"""A regression of a number of a single sale, such as its revenue, on what is known of the sale beforehand.

`columns` turns the sales into one-hot and scaled columns, `outliers` tames the targets that are learnt from,
`learners` are the random forest and XGBoost, `ranges` puts a calibrated range round a prediction, `trial` finds the
better learner on later days, and `fitted` is what comes of it: asked, written and read.

It knows no panel: a sale is a row, and rows are independent of each other.
"""
