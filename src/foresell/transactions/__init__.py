"""A regression of a number of single sales, such as revenue, on what is known before the sale; and daily revenue.

`table` reads the sales and `late_columns` refuses inputs that are known only afterwards. `encoder` turns the sales into
one-hot and scaled columns, `outliers` pulls in extreme targets, `learners` are a random forest and XGBoost, `ranges`
puts a calibrated range around a prediction, `trial` chooses the better learner on later days, and `fitted` is the
result, which answers, is saved and loaded. `revenue` forecasts the revenue of a day by SARIMA.

A sale is a row, and rows are independent of each other; there is no panel.
"""
