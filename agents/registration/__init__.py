"""Registration files: from a manifest, a folder or a bucket listing to the JSON that Encord registers objects by.

Nothing here knows the network or the platform's sessions; of the SDK only its payload models are used.
"""

from agents.registration.build import Built, Destination, build
from agents.registration.check import Checked, Entry, check, entries
from agents.registration.entries import Model, entry_of, urls_of
from agents.registration.errors import EntryError, Fault, ManifestRefused, RulesError
from agents.registration.kinds import Kind, kind_by_name
from agents.registration.locations import Location
from agents.registration.manifest import Row, Rows, Unreadable, csv_rows, json_rows, parquet_rows
from agents.registration.metadata import MetadataSchema
from agents.registration.naming import natural_key
from agents.registration.parts import Limits
from agents.registration.rows import Rules
from agents.registration.stream import MalformedFile

__all__ = [
    "Built",
    "Checked",
    "Destination",
    "Entry",
    "EntryError",
    "Fault",
    "Kind",
    "Limits",
    "Location",
    "MalformedFile",
    "ManifestRefused",
    "MetadataSchema",
    "Model",
    "Row",
    "Rows",
    "Rules",
    "RulesError",
    "Unreadable",
    "build",
    "check",
    "csv_rows",
    "entries",
    "entry_of",
    "json_rows",
    "kind_by_name",
    "natural_key",
    "parquet_rows",
    "urls_of",
]
