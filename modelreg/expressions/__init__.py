"""The one language of filters and gates: comparisons of a version's fields, with AND, OR, NOT and arithmetic.

::

    metrics.auc > 0.9 AND stage = 'Staging'
    eval.holdout.roc_auc >= production.eval.holdout.roc_auc - 0.005
    flavor IN ('sklearn', 'xgboost') AND tags.`cost-center` IS NOT NULL AND created_at >= '2026-10-01'

An expression is parsed once, into the nodes of `tree`; `evaluation` evaluates it for one version, and the catalog
turns it into SQL. Both follow SQL's three-valued logic and give the same answers.
"""
