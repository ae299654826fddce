"""Terraform's arguments held against the message types of Google's own client libraries.

The Google provider names its arguments after them: names, types, enumerations, and what is required must agree.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import proto
from google.cloud import artifactregistry_v1, monitoring_v3, run_v2, scheduler_v1, secretmanager_v1, tasks_v2

RESOURCES: dict[str, tuple[type[proto.Message], frozenset[str]]] = {
    "google_cloud_run_v2_service": (run_v2.Service, frozenset({"project", "name", "location", "deletion_protection"})),
    "google_cloud_run_v2_job": (run_v2.Job, frozenset({"project", "name", "location", "deletion_protection"})),
    "google_cloud_tasks_queue": (tasks_v2.Queue, frozenset({"project", "name", "location"})),
    "google_cloud_scheduler_job": (scheduler_v1.Job, frozenset({"project", "name", "region"})),
    "google_secret_manager_secret": (secretmanager_v1.Secret, frozenset({"project", "secret_id"})),
    "google_artifact_registry_repository": (
        artifactregistry_v1.Repository,
        frozenset({"project", "location", "repository_id"}),
    ),
    "google_monitoring_alert_policy": (monitoring_v3.AlertPolicy, frozenset({"project"})),
}
"""The type of each resource, and the arguments that are the provider's own: parts of the resource's name"""

PROVIDERS_OWN: dict[str, frozenset[str]] = {
    "google_project_service": frozenset({"project", "service", "disable_on_destroy"}),
    "google_service_account": frozenset({"project", "account_id", "display_name"}),
    "google_service_account_iam_member": frozenset({"service_account_id", "role", "member"}),
    "google_project_iam_member": frozenset({"project", "role", "member", "condition"}),
    "google_cloud_run_v2_job_iam_member": frozenset({"project", "location", "name", "role", "member"}),
    "google_compute_global_address": frozenset(
        {"project", "name", "purpose", "address_type", "prefix_length", "network"}
    ),
    "google_service_networking_connection": frozenset({"network", "service", "reserved_peering_ranges"}),
    "google_logging_metric": frozenset(
        {"project", "name", "description", "filter", "value_extractor", "metric_descriptor", "bucket_options"}
    ),
    "google_monitoring_dashboard": frozenset({"project", "dashboard_json"}),
    "terraform_data": frozenset({"triggers_replace", "provisioner"}),
    "google_cloud_run_v2_service_iam_member": frozenset({"project", "location", "name", "role", "member"}),
    "google_cloud_tasks_queue_iam_member": frozenset({"project", "location", "name", "role", "member"}),
    "google_secret_manager_secret_iam_member": frozenset({"project", "secret_id", "role", "member"}),
    "google_secret_manager_secret_version": frozenset(
        {"secret", "secret_data_wo", "secret_data_wo_version", "deletion_policy"}
    ),
    "google_sql_database_instance": frozenset(
        {"project", "name", "region", "database_version", "deletion_protection", "settings"}
    ),
    "google_sql_database": frozenset({"project", "instance", "name", "deletion_policy"}),
    "google_sql_user": frozenset(
        {"project", "instance", "name", "password_wo", "password_wo_version", "deletion_policy"}
    ),
}
"""Resources without a type in those libraries: the arguments that the provider documents"""

TERRAFORMS_OWN = frozenset({"for_each", "count", "depends_on", "lifecycle", "provider"})
_HIDDEN = frozenset({"__is_block__", "__comments__", "__inline_comments__"})
_EXPRESSION = re.compile(r"\$\{[^}]*\}+")
_SCALARS = {
    proto.STRING: str, proto.BYTES: str, proto.BOOL: bool, proto.INT32: int, proto.INT64: int,
    proto.DOUBLE: (int, float), proto.FLOAT: (int, float),
}  # fmt: skip


def faults_of_resource(kind: str, block: Mapping[str, Any]) -> list[str]:
    """What is wrong with one resource, in words; nothing: it fits Google's types."""
    if kind in PROVIDERS_OWN:
        unknown = {name for name, _ in _arguments(block)} - PROVIDERS_OWN[kind] - TERRAFORMS_OWN
        return [f"{kind}.{name}: the provider documents no such argument" for name in sorted(unknown)]
    if kind not in RESOURCES:
        return [f"{kind}: checked against nothing"]
    message, providers = RESOURCES[kind]
    own = {name: value for name, value in block.items() if name not in providers | TERRAFORMS_OWN}
    return list(_faults(own, message, kind, named=providers))


def _faults(
    block: Mapping[str, Any], message: type[proto.Message], where: str, named: frozenset[str] = frozenset()
) -> Iterator[str]:
    fields = message.meta.fields
    given = set(named)
    for name, value in _arguments(block):
        given.add(name)
        field = fields.get(name) or fields.get(f"{name}_")
        if field is None:
            yield f"{where}.{name}: {message.__name__} has no such field"
        else:
            yield from _faults_of_value(value, field, f"{where}.{name}")
    for name in _required(message) - given:
        yield f"{where}.{name}: {message.__name__} requires it"


def _faults_of_value(value: Any, field: Any, where: str) -> Iterator[str]:
    if _is_block(value):
        yield from _faults_of_blocks(value, field, where)
    elif _is_map(field):
        if not isinstance(value, dict) and not _is_expression(value):
            yield f"{where}: must be a map"
    elif _is_duration(field):
        if not _EXPRESSION.fullmatch(_text(value)) and not re.fullmatch(
            r"\d+(\.\d+)?s", _EXPRESSION.sub("1", _text(value))
        ):
            yield f"{where}: {_text(value)} is no duration such as 30s"
    elif _is_message(field):
        yield f"{where}: must be a block"
    elif not _is_expression(value):
        yield from _faults_of_scalar(value, field, where)


def _faults_of_blocks(blocks: list[dict[str, Any]], field: Any, where: str) -> Iterator[str]:
    if not _is_message(field):
        yield f"{where}: not a block"
        return
    if len(blocks) > 1 and not field.repeated:
        yield f"{where}: there can be one only"
    for block in blocks:
        yield from _faults(block, field.message, where)


def _faults_of_scalar(value: Any, field: Any, where: str) -> Iterator[str]:
    if field.enum is not None:
        if _text(value) not in field.enum.__members__:
            yield f"{where}: {_text(value)} is none of {field.enum.__name__}"
    elif field.repeated:
        if not isinstance(value, list):
            yield f"{where}: must be a list"
    elif not _fits(value, field):
        yield f"{where}: {value!r} is of the wrong type"


def _arguments(block: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Names and values, dynamic blocks as the blocks that they make."""
    for name, value in block.items():
        if name == "dynamic":
            for dynamic in value:
                for label, body in dynamic.items():
                    if label not in _HIDDEN:
                        yield _text(label), [*body["content"]]
        elif name not in _HIDDEN:
            yield name, value


def _is_block(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, dict) for v in value)


def _is_map(field: Any) -> bool:
    """Maps are repeated entries of a key and a value."""
    return field.repeated and _is_message(field) and set(field.message.meta.fields) == {"key", "value"}


def _is_message(field: Any) -> bool:
    return isinstance(field.message, type) and issubclass(field.message, proto.Message) and not _is_duration(field)


def _is_duration(field: Any) -> bool:
    return "Duration" in str(getattr(field.message, "__name__", field.message))


def _is_expression(value: Any) -> bool:
    return isinstance(value, str) and _EXPRESSION.search(value) is not None


def _text(value: Any) -> str:
    return value.strip('"') if isinstance(value, str) else str(value)


def _fits(value: Any, field: Any) -> bool:
    expected = _SCALARS[field.proto_type]
    if expected is not bool and isinstance(value, bool):
        return False
    return isinstance(value, expected)


def _required(message: type[proto.Message]) -> set[str]:
    """Fields whose documentation begins with "Required."; the libraries keep that mark nowhere else."""
    return set(
        re.findall(r"^ {8}(\w+) \([^\n]*(?:\n {12,}[^\n]*)?\):\n\s+Required\.", message.__doc__ or "", re.MULTILINE)
    )
