"""What Bitrix24's answers mean: the table of (status, error) and the rule for what no row names (pending).

Source: the vendor's documentation, "Error codes", "Limits", and the error tables of each method used; statuses that
differ between the documentation and the vendor's SDKs are both accepted. Codes are in lower case; those that begin
with a colon stand for the documented texts of errors whose code is ``""`` or ``0`` (see
:class:`connectors.bitrix24.schema.Fault`).
"""

from typing import Final

from connectors.bitrix24.schema import VENDOR
from connectors.verdicts import Kind, OutcomeTable, Verdict

IN_BATCH: Final = 0
"""The status of one command of a batch, which has none."""

GRANT_REFUSED: Final = "crm_grant_refused"
"""The problem of a refresh token that opens nothing any more: the portal's owner has to connect it anew."""

_TOKEN: Final = Verdict(Kind.RETRY, "token_refused")  # an hour is over: no word about the portal's health
_GRANT: Final = Verdict(Kind.REJECTED, GRANT_REFUSED)
_STRANGER: Final = Verdict(Kind.REJECTED, "crm_token_unknown")
_NOBODY: Final = Verdict(Kind.REJECTED, "crm_user_refused")
_CLIENT: Final = Verdict(Kind.BROKEN, "credentials_refused")
_REFUSED: Final = Verdict(Kind.BROKEN, "crm_connection_refused")
_USER: Final = Verdict(Kind.BROKEN, "crm_user_refused")
_PLAN: Final = Verdict(Kind.BROKEN, "crm_plan_refused")
_NO_PLAN: Final = Verdict(Kind.REJECTED, "crm_plan_refused")
_BLOCKED: Final = Verdict(Kind.BROKEN, "crm_blocked")
_GONE: Final = Verdict(Kind.BROKEN, "crm_portal_deleted")
_SCOPE: Final = Verdict(Kind.RETRY, "scope_missing")
_CONFIRM: Final = Verdict(Kind.RETRY, "crm_method_unconfirmed")
_RATE: Final = Verdict(Kind.DEFERRED, "vendor_limit")
_OPERATING: Final = Verdict(Kind.DEFERRED, "vendor_operating_limit")
_OURS: Final = Verdict(Kind.REJECTED, "vendor_request_wrong")
_NOT_FOUND: Final = Verdict(Kind.REJECTED, "crm_not_found")
_DENIED: Final = Verdict(Kind.REJECTED, "crm_access_denied")
_VALUE: Final = Verdict(Kind.REJECTED, "crm_value_refused")
_REQUIRED: Final = Verdict(Kind.REJECTED, "crm_required_field_empty")
_STAGE: Final = Verdict(Kind.REJECTED, "crm_stage_refused")
_RECIPIENT: Final = Verdict(Kind.REJECTED, "crm_recipient_refused")
_MESSAGE: Final = Verdict(Kind.REJECTED, "crm_message_refused")
_REFUSED_TEXT: Final = Verdict(Kind.REJECTED, "crm_refused")
_MOVED: Final = Verdict(Kind.BROKEN, "crm_redirect_refused")
_FAULT: Final = Verdict(Kind.PENDING, "vendor_fault")
_UNREADABLE: Final = Verdict(Kind.PENDING, "vendor_answer_unreadable")

TABLE: Final = OutcomeTable(
    VENDOR,
    {
        # Tokens and accounts: nothing is done, and the same call helps only after somebody mended the connection.
        (None, "expired_token"): _TOKEN,
        (None, "no_auth_found"): _REFUSED,
        (None, "invalid_token"): _REFUSED,
        (None, "invalid_credentials"): _REFUSED,
        (None, "application_not_found"): _REFUSED,
        (None, "error_oauth"): _REFUSED,
        (None, "not_installed"): _REFUSED,
        (None, "wrong_auth_type"): _REFUSED,
        (None, "authorization_error"): _USER,
        (None, "user_access_error"): _USER,
        (None, "allowed_only_intranet_user"): _USER,
        (None, "payment_required"): _PLAN,
        (None, "wrong_license"): _PLAN,
        (403, "access_denied"): _PLAN,
        (None, "portal_deleted"): _GONE,
        (None, "overload_limit"): _BLOCKED,
        (None, "insufficient_scope"): _SCOPE,
        (None, "method_confirm_waiting"): _CONFIRM,
        (None, "method_confirm_denied"): _SCOPE,
        (IN_BATCH, "wrong_auth_type"): _REFUSED_TEXT,  # one method is not for webhooks; the connection as such is well
        (IN_BATCH, "wrong_license"): _NO_PLAN,
        (401, None): _REFUSED,
        (403, None): _REFUSED,  # a page of the portal's front: the request went no further
        (404, None): _REFUSED,
        (301, None): _MOVED,
        (302, None): _MOVED,
        (307, None): _MOVED,
        (308, None): _MOVED,
        # Limits.
        (None, "query_limit_exceeded"): _RATE,
        (None, "operation_time_limit"): _OPERATING,
        (429, None): _RATE,
        # Our own mistakes: a wrong request stays wrong.
        (None, "invalid_request"): _OURS,
        (None, "error_batch_length_exceeded"): _OURS,
        (None, "error_batch_method_not_allowed"): _OURS,
        (None, "error_method_not_found"): _OURS,
        (None, "error_manifest_is_not_available"): _OURS,
        (None, "invalid_arg_value"): _OURS,
        (None, "error_argument"): _OURS,
        (None, "error_event_not_found"): _OURS,
        (None, "error_wrong_handler_url"): _OURS,
        (None, "error_unsupported_protocol"): _OURS,
        (None, "entity_type_not_supported"): _OURS,
        (None, "100"): _OURS,
        (None, ":bad_id"): _OURS,
        # The object or the value is refused; the portal's own text is for a person.
        (None, "not_found"): _NOT_FOUND,
        (None, "error_not_found"): _NOT_FOUND,
        (None, "owner_not_found"): _NOT_FOUND,
        (None, ":not_found"): _NOT_FOUND,
        (None, "access_denied"): _DENIED,
        (None, ":access_denied"): _DENIED,
        (None, "200040300010"): _DENIED,  # the catalogue: no right to read it
        (None, "crm_field_error_value_not_valid"): _VALUE,
        (None, "crm_field_error_required"): _REQUIRED,
        (None, "-"): _STAGE,
        (None, "update_dynamic_item_restricted"): _NO_PLAN,
        (None, "0"): _REFUSED_TEXT,
        (None, ":text"): _REFUSED_TEXT,
        (None, "error_core"): _REFUSED_TEXT,
        # Messages.
        (None, "user_id_empty"): _RECIPIENT,
        (None, "user_not_found"): _RECIPIENT,
        (None, "user_not_exists"): _RECIPIENT,
        (None, "chat_id"): _RECIPIENT,
        (None, "access_error"): _RECIPIENT,
        (None, "canceled"): _RECIPIENT,
        (None, "message_empty"): _MESSAGE,
        (None, "params_error"): _MESSAGE,
        (None, "attach_error"): _MESSAGE,
        (None, "attach_oversize"): _MESSAGE,
        (None, "keyboard_error"): _MESSAGE,
        (None, "keyboard_oversize"): _MESSAGE,
        (None, "menu_error"): _MESSAGE,
        # A portal in trouble. A 5xx may come after the change was made.
        (None, "internal_server_error"): _FAULT,
        (None, "error_unexpected_answer"): _FAULT,
        (500, None): _FAULT,
        (502, None): _FAULT,
        (503, None): _FAULT,
        (504, None): _FAULT,
        (408, None): _FAULT,
        # A success that cannot be read.
        (200, None): _UNREADABLE,
    },
)

# Source: the vendor's documentation, "OAuth 2.0", "Error codes"; codes marked there and those of its SDKs alike.
OAUTH_TABLE: Final = OutcomeTable(
    VENDOR,
    {
        (None, "invalid_grant"): _GRANT,
        (None, "bad_verification_code"): _GRANT,
        (None, "invalid_client"): _CLIENT,
        (None, "wrong_client"): _CLIENT,
        (None, "not_installed"): _REFUSED,
        (None, "application_not_found"): _REFUSED,
        (None, "error_oauth"): _REFUSED,
        (None, "payment_required"): _PLAN,
        (None, "portal_deleted"): _GONE,
        (None, "invalid_scope"): _SCOPE,
        (None, "insufficient_scope"): _SCOPE,
        (None, "invalid_request"): _OURS,
        # The check of a token.
        (None, "expired_token"): _TOKEN,
        (None, "invalid_token"): _STRANGER,
        (None, "no_auth_found"): _STRANGER,
        (None, "authorization_error"): _NOBODY,
        (None, "user_access_error"): _NOBODY,
        (None, "allowed_only_intranet_user"): _NOBODY,
        (401, None): _CLIENT,
        # The server in trouble. Nobody knows whether a pair was given: whoever asks again hears it.
        (None, "query_limit_exceeded"): _RATE,
        (429, None): _RATE,
        (None, "internal_server_error"): _FAULT,
        (None, "error_unexpected_answer"): _FAULT,
        (500, None): _FAULT,
        (502, None): _FAULT,
        (503, None): _FAULT,
        (504, None): _FAULT,
        (408, None): _FAULT,
        (200, None): _UNREADABLE,
    },
)
