"""What an import decides, without MLflow."""

from __future__ import annotations

from modelreg.domain.stages import Stage, StageRules
from modelreg.mlflow_transfer.merging import UpstreamChanges, UpstreamState, build_creation_tags, plan_stages
from modelreg.mlflow_transfer.source import MLflowRun, MLflowVersion


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


def test_nothing_is_different_between_what_was_said_and_the_same():
    said = UpstreamState("text", {"a": "1"}, Stage.STAGING, ("champion",))
    assert not UpstreamChanges.between(said, UpstreamState.from_json(said.as_json()))


def test_only_what_changed_is_different():
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


def test_the_newest_of_those_in_production_stays_there():
    versions = [version(1, "Production"), version(2, "Production"), version(3, "Staging"), version(10, "None")]
    decided = plan_stages(versions, StageRules.STRICT)
    assert {number: stage for number, (stage, _) in decided.items()} == {
        1: Stage.ARCHIVED,
        2: Stage.PRODUCTION,
        3: Stage.STAGING,
        10: Stage.NONE,
    }
    assert [number for number, (_, note) in decided.items() if note] == [1]


def test_by_mlflows_rules_all_of_them_stay_there():
    decided = plan_stages([version(1, "Production"), version(2, "Production")], StageRules.MLFLOW)
    assert decided == {1: (Stage.PRODUCTION, None), 2: (Stage.PRODUCTION, None)}


def test_whoever_made_a_version_is_left_out_where_no_tag_can_have_such_a_text():
    run = MLflowRun(
        run_id=None, metrics={}, params={}, git_commit=None, git_branch=None, user="no\0body", is_gone=False
    )
    notes = []
    assert build_creation_tags(version(1, "None"), run, notes) == {"mlflow.created_at": "2024-01-01T00:00:00.000000Z"}
    assert len(notes) == 1
