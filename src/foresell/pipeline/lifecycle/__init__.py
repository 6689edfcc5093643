"""The life of a model after its training: comparison with the champion, promotion, rollback, retraining."""
