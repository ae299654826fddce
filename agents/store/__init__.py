"""Score records in a SQL database, and what people and rules have decided about them."""

from agents.store.action_log import Action, ActionLog, UnknownActionError
from agents.store.alert_states import AlertChange, AlertStates
from agents.store.database import Database
from agents.store.editor_scorings import EditorScorings
from agents.store.erasure import erase_before, erase_person
from agents.store.errors import SchemaBehindError, StoreError
from agents.store.kept_work import KeptWork
from agents.store.score_store import SqlScoreStore
from agents.store.truth_rulings import AcceptedAnswer, Exclusion, RulingRefusedError, Standing, TruthRulings

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
