"""Global models: one learner for all series and steps, which learns from question rows.

A row is a question: what will series s sell `step` days after a cutoff? All learners (LightGBM, XGBoost, a random
forest, any regressor of scikit-learn) have the same rows, features and target. The target is the ratio of the sales to
the recent level of the series, which is a weighted mean of its recent means. So small and large series share what they
have in common, and no trees are needed to tell them apart.

- `model`: the models before their fit (`GlobalModel`): the options, the draw of rows, the fit.
- `training_data`: the training data of one booster: rows, recent level, loss.
- `fitted`: the fitted models (`FittedGlobalModel`): forecasts, explanations, drivers, files.
- `regressors`, `fitted_regressor`: the regressors of scikit-learn, before and after their fit.
"""
