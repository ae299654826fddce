"""The platform's errors: one class each, with the HTTP status of the v2 protocol and the code of the legacy one."""

from typing import Any, ClassVar


class WorldError(Exception):
    """A world file that cannot be loaded."""


class PlatformError(Exception):
    """What a caller did wrong, in the platform's own terms."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "UNKNOWN_ERROR"

    def __init__(self, message: str, payload: Any = None) -> None:
        super().__init__(message)
        self.message = message
        self.payload = message if payload is None else payload


class InvalidArgumentsError(PlatformError):
    """A request that makes no sense, or an action that the state forbids."""

    status = 400
    code = "INVALID_ARGUMENTS_ERROR"


class AuthenticationError(PlatformError):
    """A signature that does not fit."""

    status = 401
    code = "AUTHENTICATION_ERROR"


class SshKeyNotFoundError(AuthenticationError):
    """A key that belongs to nobody."""

    code = "SSH_KEY_NOT_FOUND_ERROR"


class AuthorisationError(PlatformError):
    """Something that the caller may not do, or may not even see."""

    status = 403
    code = "AUTHORISATION_ERROR"


class ResourceNotFoundError(PlatformError):
    """Something that does not exist."""

    status = 404
    code = "RESOURCE_NOT_FOUND_ERROR"


class MethodNotAllowedError(PlatformError):
    """A route that exists, but not for this method."""

    status = 405
    code = "METHOD_NOT_ALLOWED_ERROR"


class ResourceExistsError(PlatformError):
    """Something that exists already."""

    status = 409
    code = "RESOURCE_EXISTS_ERROR"


class AnswerDictionaryError(PlatformError):
    """Labels whose answers do not belong to an object or classification."""

    status = 400
    code = "ANSWER_DICTIONARY_ERROR"


class CorruptedLabelError(PlatformError):
    """Labels that do not have the form of labels."""

    status = 400
    code = "CORRUPTED_LABEL_ERROR"


class FeatureDoesNotExistError(PlatformError):
    """Labels of a feature that the ontology does not have."""

    status = 400
    code = "FEATURE_DOES_NOT_EXIST_ERROR"
