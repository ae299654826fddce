"""Every resource that the emulator knows: a resource that is not named here does not answer."""

import emulator.active.responses
import emulator.analytics.responses
import emulator.control.responses
import emulator.datasets.job_responses
import emulator.datasets.responses
import emulator.editor.responses
import emulator.index.responses
import emulator.issues.responses
import emulator.labels.branch_responses
import emulator.labels.responses
import emulator.ontologies.responses
import emulator.organisation.responses
import emulator.projects.legacy_responses
import emulator.projects.responses
import emulator.storage.folder_responses
import emulator.storage.job_responses
import emulator.storage.objects
import emulator.storage.responses
import emulator.users.responses
import emulator.workflow.responses

RESOURCES = (
    emulator.users.responses.routes,
    emulator.organisation.responses.routes,
    emulator.ontologies.responses.routes,
    emulator.storage.responses.routes,
    emulator.storage.folder_responses.routes,
    emulator.storage.job_responses.routes,
    emulator.datasets.responses.routes,
    emulator.datasets.job_responses.routes,
    emulator.projects.responses.routes,
    emulator.projects.legacy_responses.routes,
    emulator.labels.responses.routes,
    emulator.labels.branch_responses.routes,
    emulator.workflow.responses.routes,
    emulator.issues.responses.routes,
    emulator.index.responses.routes,
    emulator.active.responses.routes,
    emulator.analytics.responses.routes,
)

# Whoever has a signed URL needs no account.
SIGNED_RESOURCES = (emulator.storage.objects.routes,)

# Nor does a person's browser: the page takes the place of the platform's own web application.
PAGE_RESOURCES = (emulator.editor.responses.routes,)

CONTROL_RESOURCES = (emulator.control.responses.routes,)
