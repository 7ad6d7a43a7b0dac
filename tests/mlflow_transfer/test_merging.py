"""Decisions of an import, tested without MLflow."""

from __future__ import annotations

from modelreg.domain.stages import Stage, StageRules
from modelreg.mlflow_transfer.merging import UpstreamChanges, UpstreamState, build_creation_tags, plan_stages
from modelreg.mlflow_transfer.mlflow_reader import MLflowRun, MLflowVersion


def version(number: int, stage: str) -> MLflowVersion:
    return MLflowVersion(
        name="churn",
        number=number,
        stage=stage,
        description="",
        tags={},
        aliases=(),
        source="",
        run_id=None,
        model_id=None,
        status="READY",
        created_at="2024-01-01T00:00:00.000000Z",
        created_by="",
    )


def test_equal_states_have_no_changes():
    state = UpstreamState("text", {"a": "1"}, Stage.STAGING, ("champion",))
    assert not UpstreamChanges.between(state, UpstreamState.from_json(state.as_json()))


def test_changes_contain_only_the_differences():
    before = UpstreamState("text", {"a": "1", "b": "2", "c": "3"}, Stage.STAGING, ("champion", "old"))
    now = UpstreamState("text", {"a": "1", "b": "3", "d": "4"}, Stage.STAGING, ("champion", "new"))
    assert UpstreamChanges.between(before, now) == UpstreamChanges(
        description=None,
        tags={"b": "3", "d": "4"},
        removed_tags=("c",),
        stage=None,
        aliases=("new",),
        removed_aliases=("old",),
    )


def test_with_strict_rules_only_the_newest_version_in_production_stays():
    versions = [version(1, "Production"), version(2, "Production"), version(3, "Staging"), version(10, "None")]
    planned = plan_stages(versions, StageRules.STRICT)
    assert {number: stage for number, (stage, _) in planned.items()} == {
        1: Stage.ARCHIVED,
        2: Stage.PRODUCTION,
        3: Stage.STAGING,
        10: Stage.NONE,
    }
    assert [number for number, (_, note) in planned.items() if note] == [1]


def test_with_mlflow_rules_all_versions_in_production_stay():
    planned = plan_stages([version(1, "Production"), version(2, "Production")], StageRules.MLFLOW)
    assert planned == {1: (Stage.PRODUCTION, None), 2: (Stage.PRODUCTION, None)}


def test_a_creator_that_is_no_valid_tag_value_is_left_out():
    run = MLflowRun(
        run_id=None, metrics={}, params={}, git_commit=None, git_branch=None, user="no\0body", is_gone=False
    )
    notes = []
    assert build_creation_tags(version(1, "None"), run, notes) == {"mlflow.created_at": "2024-01-01T00:00:00.000000Z"}
    assert len(notes) == 1
