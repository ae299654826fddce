"""The queue that the settings name."""

from benchmark_qa.config.account import SettingsError
from benchmark_qa.config.settings import Settings
from benchmark_qa.tasks.jobs import JobQueue


def open_queue(settings: Settings) -> JobQueue:
    """The queue of `JOBS_QUEUE`. A cloud's library is imported when its queue is opened, and only then.

    Raises:
        SettingsError: there is no queue, or its library is not installed.
    """
    name = settings.jobs_queue
    if name is None:
        raise SettingsError("JOBS_QUEUE: missing, and there are jobs to put on a queue")
    try:
        return _cloud_tasks(settings, name) if settings.uses_cloud_tasks else _sqs(name)
    except ModuleNotFoundError as error:
        extra = "cloud-tasks" if settings.uses_cloud_tasks else "sqs"
        raise SettingsError(f"JOBS_QUEUE: {error.name} is not installed: add the extra '{extra}'") from None


def _sqs(url: str) -> JobQueue:
    from benchmark_qa.service.dispatch.sqs import SqsQueue  # noqa: PLC0415

    return SqsQueue(url)


def _cloud_tasks(settings: Settings, name: str) -> JobQueue:
    from benchmark_qa.service.dispatch.cloud_tasks import CloudTasksQueue, connect  # noqa: PLC0415

    assert settings.jobs_url is not None and settings.jobs_service_account is not None  # noqa: S101, PT018 - validated
    return CloudTasksQueue(connect(), name, url=settings.jobs_url, service_account=settings.jobs_service_account)
