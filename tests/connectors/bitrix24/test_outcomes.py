"""Every error that the vendor's documentation and SDKs name, with its status, and what it comes to."""

import pytest

from chassis.outcomes import Deferred, Rejected, Retryable, Uncertain
from connectors.bitrix24.outcomes import IN_BATCH, TABLE
from connectors.bitrix24.schema import read_envelope, read_fault
from tests.connectors.kit import FailureType, answer

SYSTEM = [
    (401, "expired_token", Retryable, "token_refused"),
    (401, "NO_AUTH_FOUND", Retryable, "crm_connection_refused"),
    (401, "invalid_token", Retryable, "crm_connection_refused"),
    (401, "authorization_error", Retryable, "crm_user_refused"),
    (401, "APPLICATION_NOT_FOUND", Retryable, "crm_connection_refused"),
    (401, "ERROR_OAUTH", Retryable, "crm_connection_refused"),
    (401, "PAYMENT_REQUIRED", Retryable, "crm_plan_refused"),
    (401, "METHOD_CONFIRM_WAITING", Retryable, "crm_method_unconfirmed"),
    (403, "METHOD_CONFIRM_DENIED", Retryable, "scope_missing"),
    (401, "INVALID_CREDENTIALS", Retryable, "crm_connection_refused"),
    (403, "INVALID_CREDENTIALS", Retryable, "crm_connection_refused"),
    (401, "insufficient_scope", Retryable, "scope_missing"),
    (403, "insufficient_scope", Retryable, "scope_missing"),
    (403, "ACCESS_DENIED", Retryable, "crm_plan_refused"),
    (400, "ACCESS_DENIED", Rejected, "crm_access_denied"),
    (403, "WRONG_AUTH_TYPE", Retryable, "crm_connection_refused"),
    (IN_BATCH, "WRONG_AUTH_TYPE", Rejected, "crm_refused"),
    (403, "user_access_error", Retryable, "crm_user_refused"),
    (403, "ALLOWED_ONLY_INTRANET_USER", Retryable, "crm_user_refused"),
    (403, "WRONG_LICENSE", Retryable, "crm_plan_refused"),
    (400, "INVALID_REQUEST", Rejected, "vendor_request_wrong"),
    (400, "ERROR_BATCH_LENGTH_EXCEEDED", Rejected, "vendor_request_wrong"),
    (405, "ERROR_BATCH_METHOD_NOT_ALLOWED", Rejected, "vendor_request_wrong"),
    (404, "ERROR_METHOD_NOT_FOUND", Rejected, "vendor_request_wrong"),
    (404, "ERROR_MANIFEST_IS_NOT_AVAILABLE", Rejected, "vendor_request_wrong"),
    (429, "OPERATION_TIME_LIMIT", Deferred, "vendor_operating_limit"),
    (IN_BATCH, "OPERATION_TIME_LIMIT", Deferred, "vendor_operating_limit"),
    (503, "QUERY_LIMIT_EXCEEDED", Deferred, "vendor_limit"),
    (200, "QUERY_LIMIT_EXCEEDED", Deferred, "vendor_limit"),
    (IN_BATCH, "QUERY_LIMIT_EXCEEDED", Deferred, "vendor_limit"),
    (503, "OVERLOAD_LIMIT", Retryable, "crm_blocked"),
    (500, "INTERNAL_SERVER_ERROR", Uncertain, "vendor_fault"),
    (500, "ERROR_UNEXPECTED_ANSWER", Uncertain, "vendor_fault"),
    (500, "PORTAL_DELETED", Retryable, "crm_portal_deleted"),
    (410, "PORTAL_DELETED", Retryable, "crm_portal_deleted"),
]

METHODS = [
    ("NOT_FOUND", "", "crm_not_found"),
    ("CRM_FIELD_ERROR_VALUE_NOT_VALID", "Неверное значение поля", "crm_value_refused"),
    ("CRM_FIELD_ERROR_REQUIRED", "Поле обязательно", "crm_required_field_empty"),
    ("-", "", "crm_stage_refused"),
    ("UPDATE_DYNAMIC_ITEM_RESTRICTED", "", "crm_plan_refused"),
    (100, "Could not find value for parameter {id}", "vendor_request_wrong"),
    ("INVALID_ARG_VALUE", "Invalid filter", "vendor_request_wrong"),
    ("ENTITY_TYPE_NOT_SUPPORTED", "", "vendor_request_wrong"),
    ("OWNER_NOT_FOUND", "", "crm_not_found"),
    ("", "Not found", "crm_not_found"),
    ("", "The Requisite with ID '77' is not found", "crm_not_found"),
    ("", "Access denied.", "crm_access_denied"),
    (0, "Access denied.", "crm_access_denied"),
    ("0", "Элемент не найден", "crm_not_found"),
    ("", "ID is not defined or invalid.", "vendor_request_wrong"),
    ("", "The parameter id is invalid or not defined.", "vendor_request_wrong"),
    ("", "Превышена дисковая квота", "crm_refused"),
    (0, "что-то ещё", "crm_refused"),
    ("ERROR_CORE", "", "crm_refused"),
    ("USER_ID_EMPTY", "", "crm_recipient_refused"),
    ("USER_NOT_FOUND", "", "crm_recipient_refused"),
    ("CHAT_ID", "", "crm_recipient_refused"),
    ("ACCESS_ERROR", "", "crm_recipient_refused"),
    ("CANCELED", "", "crm_recipient_refused"),
    ("MESSAGE_EMPTY", "", "crm_message_refused"),
    ("PARAMS_ERROR", "", "crm_message_refused"),
    ("ATTACH_ERROR", "", "crm_message_refused"),
    ("ATTACH_OVERSIZE", "", "crm_message_refused"),
    ("KEYBOARD_ERROR", "", "crm_message_refused"),
    ("KEYBOARD_OVERSIZE", "", "crm_message_refused"),
    ("MENU_ERROR", "", "crm_message_refused"),
]


@pytest.mark.parametrize(("status", "code", "kind", "problem"), SYSTEM)
def test_system_errors(status: int, code: str, kind: FailureType, problem: str) -> None:
    outcome = TABLE.judge(status, read_fault({"error": code}).code, write=True)
    assert isinstance(outcome, kind)
    assert outcome.problem.code == problem


@pytest.mark.parametrize("status", [400, IN_BATCH, 200])
@pytest.mark.parametrize(("code", "text", "problem"), METHODS)
def test_errors_of_methods(status: int, code: str | int, text: str, problem: str) -> None:
    fault = read_fault({"error": code, "error_description": text})
    outcome = TABLE.judge(status, fault.code, write=True)
    assert isinstance(outcome, Rejected)
    assert outcome.problem.code == problem


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, Uncertain), (401, Retryable), (403, Retryable), (404, Retryable), (429, Deferred), (500, Uncertain),
     (502, Uncertain), (503, Uncertain), (504, Uncertain), (200, Uncertain), (302, Retryable)],
)  # fmt: skip
def test_pages_of_html_by_status(status: int, kind: FailureType) -> None:
    body = b"<!DOCTYPE html><html><title>nginx</title></html>"
    assert read_envelope(answer(body).body).fault is None
    assert isinstance(TABLE.judge(status, None, write=True), kind)
