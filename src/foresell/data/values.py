"""The words for yes, no and no value."""

# Words that stand for "no value" in columns of numbers, dates and covariates. In a key they are names like any other.
NULL_WORDS = ("NA", "N/A", "n/a", "#N/A", "NaN", "nan", "null", "NULL", "Null", "None", "none", "-")
YES_NO = {"0", "1", "0.0", "1.0", "true", "false", "yes", "no", "y", "n", "t", "f"}
YES_NO |= {"ja", "nein", "j", "si", "sì", "sí", "s", "oui", "non", "o", "sim", "não", "nao", "wahr", "falsch"}
YES = {"1", "1.0", "true", "yes", "y", "t", "ja", "j", "si", "sì", "sí", "s", "oui", "o", "sim", "wahr"}
