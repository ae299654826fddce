"""Every setting of the service, validated at start-up, with the key named in the error."""

from benchmark_qa.config.account import Account, SettingsError, load_account
from benchmark_qa.config.deployment import (
    Actions,
    AlertRule,
    Branches,
    Deployment,
    Feedback,
    RoutingStage,
    ScoringStage,
    StageReference,
    Stages,
    Verdict,
)
from benchmark_qa.config.settings import Settings, load_settings

__all__ = [
    "Account",
    "Actions",
    "AlertRule",
    "Branches",
    "Deployment",
    "Feedback",
    "RoutingStage",
    "ScoringStage",
    "Settings",
    "SettingsError",
    "StageReference",
    "Stages",
    "Verdict",
    "load_account",
    "load_settings",
]
