"""The expression language of filters and gates: comparisons of a version's fields, with AND, OR, NOT and arithmetic.

::

    metrics.auc > 0.9 AND stage = 'Staging'
    eval.holdout.roc_auc >= production.eval.holdout.roc_auc - 0.005
    flavor IN ('sklearn', 'xgboost') AND tags.`cost-center` IS NOT NULL AND created_at >= '2026-10-01'

`parsing` turns text into the nodes of `tree`. `evaluation` evaluates them for one record in memory (gates and runs);
the catalog translates them to SQL (filters of versions and models). Both follow SQL's three-valued logic, and a test
compares their results.
"""
