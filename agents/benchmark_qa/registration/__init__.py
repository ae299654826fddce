"""Registration files: from a manifest, a folder or a bucket listing to the JSON that Encord registers objects by.

Nothing here knows the network or the platform's sessions; of the SDK only its payload models are used.
"""

from benchmark_qa.registration.build import Built, Destination, build
from benchmark_qa.registration.check import Checked, Entry, check, entries
from benchmark_qa.registration.entries import Model, entry_of, urls_of
from benchmark_qa.registration.errors import EntryError, Fault, ManifestRefused, RulesError
from benchmark_qa.registration.kinds import Kind, kind_by_name
from benchmark_qa.registration.locations import Location
from benchmark_qa.registration.manifest import Row, Rows, Unreadable, csv_rows, json_rows, parquet_rows
from benchmark_qa.registration.metadata import MetadataSchema
from benchmark_qa.registration.naming import natural_key
from benchmark_qa.registration.parts import Limits
from benchmark_qa.registration.rows import Rules
from benchmark_qa.registration.stream import MalformedFile

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
