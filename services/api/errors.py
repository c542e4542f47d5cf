"""ApiError: what the caller of the API sees, with AWS's code and text. Every text stands here, once.

Source: reference of the API, sections 1, 7 and 8; recordings where they exist.
"""

from __future__ import annotations

from typing import Any, Final

SERVICE: Final = "com.amazonaws.swf.service.v2.model#"
SHAPE: Final = "com.amazon.coral.validate#"
WIRE: Final = "com.amazon.coral.service#"


class ApiError(Exception):
    """An answer that is not 200.

    Attributes:
        code: AWS's error code, the part of `__type` behind `#`.
        message: AWS's text.
        space: the part of `__type` up to and including `#`.
        status: HTTP status; AWS answers 400 to everything that is the caller's fault.
        members: further members of the error's shape, e.g. `reason`.
    """

    def __init__(
        self, code: str, message: str, space: str = SERVICE, status: int = 400, members: dict[str, Any] | None = None
    ) -> None:
        """Keep the parts."""
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.space = space
        self.status = status
        self.members = members or {}

    @property
    def body(self) -> dict[str, Any]:
        """The JSON body."""
        return {"__type": self.space + self.code, "message": self.message, **self.members}


# --- the wire ---------------------------------------------------------------------------------------------------------


def shape(problems: list[str]) -> ApiError:
    """The request does not fit the service model; one text per broken rule."""
    plural = "error" if len(problems) == 1 else "errors"
    text = f"{len(problems)} validation {plural} detected: {'; '.join(problems)}"
    return ApiError("ValidationException", text, SHAPE)


def serialization(message: str) -> ApiError:
    """The body is not JSON, or a member has another JSON type than the model says."""
    return ApiError("SerializationException", message, WIRE)


def unknown_operation(status: int = 400) -> ApiError:
    """No such operation; 404 and 405 for another protocol, path or method than AWS JSON's `POST /`."""
    return ApiError("UnknownOperationException", "", WIRE, status)


def request_too_large(status: int = 413) -> ApiError:
    """The request is longer than the largest that can be valid."""
    return ApiError("RequestEntityTooLargeException", "Request size is too large", WIRE, status)


def request_timeout() -> ApiError:
    """The body did not arrive in time."""
    return ApiError("RequestTimeoutException", "The request body did not arrive in time.", WIRE, 408)


def incomplete_signature(message: str) -> ApiError:
    """The Authorization header cannot be read."""
    return ApiError("IncompleteSignatureException", message, WIRE)


def missing_authentication() -> ApiError:
    """Neither an Authorization header nor `X-Amz-*` query parameters."""
    return ApiError("MissingAuthenticationTokenException", "Missing Authentication Token", WIRE)


def invalid_signature(message: str) -> ApiError:
    """The signature is not the one of this request."""
    return ApiError("InvalidSignatureException", message, WIRE)


def unrecognized_client() -> ApiError:
    """The access key is unknown (or its signature wrong: the two are told apart by nobody outside)."""
    return ApiError("UnrecognizedClientException", "The security token included in the request is invalid.", WIRE)


def throttled() -> ApiError:
    """The caller's token bucket is empty."""
    return ApiError("ThrottlingException", "Rate exceeded", WIRE)


def internal_failure() -> ApiError:
    """A fault of ours; SDKs try again."""
    return ApiError("InternalServerError", "The service could not answer; please try again.", WIRE, 500)


def unavailable() -> ApiError:
    """The store or the owner of an execution cannot be reached; SDKs try again."""
    return ApiError("ServiceUnavailableException", "The service is unavailable for the moment.", WIRE, 503)


def not_served(what: str) -> ApiError:
    """This process was started without the part that answers; trying again does not help, so it is no 5xx."""
    return ApiError("UnsupportedOperationException", f"{what} not served by this process.", WIRE)


# --- names, ARNs, tokens ----------------------------------------------------------------------------------------------


def validation(message: str, reason: str | None = None) -> ApiError:
    """A rule of the service that the model does not know; `reason` is a member of the shape."""
    return ApiError("ValidationException", message, members={"reason": reason} if reason else None)


def invalid_name(name: str) -> ApiError:
    """A character that names may not have."""
    return ApiError("InvalidName", f"Invalid Name: '{name}'")


def invalid_arn(message: str) -> ApiError:
    """Not an ARN, or of a kind that the call does not take; `message` is the complete text."""
    return ApiError("InvalidArn", message)


def invalid_role_arn(arn: str) -> ApiError:
    """The roleArn of a state machine is not the ARN of a role."""
    return ApiError("InvalidArn", f"Invalid Role Arn: '{arn}'")


def labelled_arn() -> ApiError:
    """The ARN of a distributed Map's child where the call takes only whole workflows."""
    text = "Labeled Execution ARNs are not supported for this API"
    return validation(text, "API_DOES_NOT_SUPPORT_LABELED_ARNS")


def labelled_machine_arn() -> ApiError:
    """The same for `stateMachine:<name>/<label>`."""
    text = "Labeled State Machine ARNs are not supported for this API"
    return validation(text, "API_DOES_NOT_SUPPORT_LABELED_ARNS")


def invalid_token() -> ApiError:
    """A page token or task token that we have not made, or made for something else."""
    return ApiError("InvalidToken", "Invalid Token: 'Invalid token'")


# --- state machines ---------------------------------------------------------------------------------------------------


def state_machine_does_not_exist(arn: str) -> ApiError:
    """No such state machine, version or alias."""
    return ApiError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")


def state_machine_already_exists(arn: str) -> ApiError:
    """The name is taken by a different state machine."""
    return ApiError("StateMachineAlreadyExists", f"State Machine Already Exists: '{arn}'")


def state_machine_limit_exceeded() -> ApiError:
    """The account has as many state machines as it may; the text is the documentation's."""
    text = (
        "The maximum number of state machines has been reached. Existing state machines must be deleted before a new "
        "state machine can be created."
    )
    return ApiError("StateMachineLimitExceeded", text)


def state_machine_deleting(arn: str) -> ApiError:
    """The state machine waits for its last execution to end."""
    return ApiError("StateMachineDeleting", f"State Machine is being deleted: '{arn}'")


def state_machine_type_not_supported() -> ApiError:
    """An express state machine where a standard one is needed, or the other way round."""
    return ApiError("StateMachineTypeNotSupported", "This operation is not supported by this type of state machine")


def invalid_definition(message: str) -> ApiError:
    """`message` comes from the validator and is complete."""
    return ApiError("InvalidDefinition", message)


def missing_required_parameter() -> ApiError:
    """UpdateStateMachine without anything to update."""
    return ApiError(
        "MissingRequiredParameter",
        "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified",
    )


def invalid_logging(message: str) -> ApiError:
    """A logging configuration that cannot be."""
    return ApiError("InvalidLoggingConfiguration", f"Invalid Logging Configuration: {message}")


def invalid_encryption(message: str) -> ApiError:
    """An encryption configuration that cannot be."""
    return ApiError("InvalidEncryptionConfiguration", f"Invalid Encryption Configuration: {message}")


def refused_by_kms(message: str, request_id: str) -> ApiError:
    """An encryption key that KMS does not take; AWS shows KMS's own words."""
    text = f"{message} (Service: Kms, Status Code: 400, Request ID: {request_id}) (SDK Attempt Count: 1)"
    return ApiError("InvalidEncryptionConfiguration", text)


def conflict(message: str) -> ApiError:
    """Somebody else's change, or a reference, is in the way."""
    return ApiError("ConflictException", message)


def stale_revision(given: str, current: str) -> ApiError:
    """PublishStateMachineVersion for a revision that is no longer the current one."""
    return conflict(
        f"Failed to publish the State Machine version for revision {given}. "
        f"The current State Machine revision is {current}."
    )


def version_in_use(aliases: list[str]) -> ApiError:
    """DeleteStateMachineVersion while aliases route to it."""
    return conflict(
        "Version to be deleted must not be referenced by an alias. "
        f"Current list of aliases referencing this version: [{', '.join(aliases)}]"
    )


def alias_exists_differently() -> ApiError:
    """CreateStateMachineAlias for a taken name with another description or routing."""
    return conflict(
        "Failed to create alias because an alias with the same name and a different routing configuration "
        "already exists."
    )


def quota_exceeded(message: str) -> ApiError:
    """More versions or aliases than a state machine may have."""
    return ApiError("ServiceQuotaExceededException", message)


def resource_not_found(arn: str | None = None) -> ApiError:
    """`arn` None gives the text of the alias operations."""
    if arn is None:
        return ApiError("ResourceNotFound", "Request references a resource that does not exist.")
    return ApiError("ResourceNotFound", f"Resource not found: '{arn}'", members={"resourceName": arn})


def too_many_tags(arn: str) -> ApiError:
    """More than 50 tags."""
    return ApiError("TooManyTags", f"Too many tags: '{arn}'", members={"resourceName": arn})


# --- executions -------------------------------------------------------------------------------------------------------


def execution_does_not_exist(arn: str) -> ApiError:
    """No such execution."""
    return ApiError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")


def execution_already_exists(arn: str) -> ApiError:
    """The name is taken by an execution with another input, or by one that has ended."""
    return ApiError("ExecutionAlreadyExists", f"Execution Already Exists: '{arn}'")


def execution_limit_exceeded() -> ApiError:
    """As many executions run as the account may have; the text is the documentation's."""
    text = (
        "The maximum number of running executions has been reached. Running executions must end or be stopped before "
        "a new execution can be started."
    )
    return ApiError("ExecutionLimitExceeded", text)


def execution_not_redrivable(arn: str, reason: str) -> ApiError:
    """RedriveExecution of an execution that is not eligible; `reason` is the redriveStatusReason."""
    return ApiError("ExecutionNotRedrivable", f"Execution {arn} invalid for redrive as: {reason}")


def invalid_execution_input(detail: str) -> ApiError:
    """The input is not JSON."""
    return ApiError("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{detail}'")


# --- activities and tasks ---------------------------------------------------------------------------------------------


def activity_does_not_exist(arn: str) -> ApiError:
    """No such activity."""
    return ApiError("ActivityDoesNotExist", f"Activity Does Not Exist: '{arn}'")


def activity_already_exists(arn: str) -> ApiError:
    """The name is taken by an activity with another encryption."""
    return ApiError("ActivityAlreadyExists", f"Activity Already Exists: '{arn}'")


def activity_limit_exceeded() -> ApiError:
    """The account has as many activities as it may; the text is the documentation's."""
    text = (
        "The maximum number of activities has been reached. Existing activities must be deleted before a new activity "
        "can be created."
    )
    return ApiError("ActivityLimitExceeded", text)


def activity_worker_limit_exceeded() -> ApiError:
    """Too many pollers of one activity."""
    return ApiError(
        "ActivityWorkerLimitExceeded",
        "The maximum number of workers concurrently polling for activity tasks has been reached.",
    )


def task_timed_out(resource: str) -> ApiError:
    """The task token is of an attempt that is over."""
    return ApiError("TaskTimedOut", f"Task Timed Out: '{resource}'")


def invalid_output() -> ApiError:
    """SendTaskSuccess with an output that is not JSON; the token stays usable."""
    return ApiError("InvalidOutput", "Invalid output: 'Output is not valid JSON.'")
