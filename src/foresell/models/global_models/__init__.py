"""Global models: one learner for all series and steps, learnt from question rows. What all of them share.

A row is a question: what will series s sell `step` days after a cutoff? The learners (LightGBM, XGBoost, a random
forest, any regressor of scikit-learn) see the same rows and features, and learn the same thing: how many times its
recent level a series will sell. The level (a weighted mean of recent means) is where each row starts from. Small and
large series then share what they have in common, and trees are not spent on telling them apart.

- `model`: the options, which rows and features they ask for, what is fitted (`Pooled`).
- `training_data`: what one booster is taught: rows, where they start from, the loss.
- `fitted`: what was learnt, asked (`FittedPooled`): forecasts, explanations, drivers, files.
- `regressors`, `fitted_regressor`: the regressors of scikit-learn, before and after they learn.
"""
