"""Score records in a SQL database, and what people and rules have decided about them."""

from benchmark_qa.store.action_log import Action, ActionLog, UnknownActionError
from benchmark_qa.store.alert_states import AlertChange, AlertStates
from benchmark_qa.store.database import Database
from benchmark_qa.store.editor_scorings import EditorScorings
from benchmark_qa.store.erasure import erase_before, erase_person
from benchmark_qa.store.errors import SchemaBehindError, StoreError
from benchmark_qa.store.kept_work import KeptWork
from benchmark_qa.store.score_store import SqlScoreStore
from benchmark_qa.store.truth_rulings import AcceptedAnswer, Exclusion, RulingRefusedError, Standing, TruthRulings

__all__ = [
    "AcceptedAnswer",
    "Action",
    "ActionLog",
    "AlertChange",
    "AlertStates",
    "Database",
    "EditorScorings",
    "Exclusion",
    "KeptWork",
    "RulingRefusedError",
    "SchemaBehindError",
    "SqlScoreStore",
    "Standing",
    "StoreError",
    "TruthRulings",
    "UnknownActionError",
    "erase_before",
    "erase_person",
]
