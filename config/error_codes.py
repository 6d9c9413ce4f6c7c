"""The stable codes and what each one means; `docs/errors.md` is checked against this table."""

from dataclasses import dataclass
from enum import StrEnum


class ErrorCode(StrEnum):
    """Stable: clients may branch on these. Add, never rename."""

    # requests
    VALIDATION_ERROR = "validation_error"
    MALFORMED_REQUEST = "malformed_request"
    NOT_AUTHENTICATED = "not_authenticated"
    TOKEN_INVALID = "token_invalid"
    WRONG_CREDENTIALS = "wrong_credentials"
    TOO_MANY_SOCKETS = "too_many_sockets"
    PERMISSION_DENIED = "permission_denied"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    NOT_ACCEPTABLE = "not_acceptable"
    CONFLICT = "conflict"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    THROTTLED = "throttled"
    MESSAGE_RATE_EXCEEDED = "message_rate_exceeded"
    TOKEN_QUOTA_EXCEEDED = "token_quota_exceeded"
    SERVER_ERROR = "server_error"
    SERVICE_UNAVAILABLE = "service_unavailable"
    # accounts
    SIGNUP_DISABLED = "signup_disabled"
    SUPERADMIN_PROTECTED = "superadmin_protected"
    SELF_PROTECTED = "self_protected"
    API_KEY_LIMIT = "api_key_limit"
    API_KEY_NOT_ACCEPTED = "api_key_not_accepted"
    # models
    LLM_KEY_UNREADABLE = "llm_key_unreadable"
    ADDRESS_REFUSED = "address_refused"
    # documents
    FILE_TOO_LARGE = "file_too_large"
    FILE_EMPTY = "file_empty"
    FILE_TYPE_UNSUPPORTED = "file_type_unsupported"
    STORAGE_FULL = "storage_full"
    ORIGINAL_NOT_KEPT = "original_not_kept"
    DOCUMENT_BUSY = "document_busy"
    DOCUMENT_NAME_TAKEN = "document_name_taken"
    DOCUMENT_BYTES_TAKEN = "document_bytes_taken"
    REBUILD_RUNNING = "rebuild_running"
    ORIGINALS_MISSING = "originals_missing"
    EMBEDDING_DIMENSION = "embedding_dimension"
    PDF_ENCRYPTED = "pdf_encrypted"
    PDF_CORRUPT = "pdf_corrupt"
    PDF_NO_PAGES = "pdf_no_pages"
    NO_TEXT = "no_text"
    CSV_UNREADABLE = "csv_unreadable"
    CSV_EMPTY = "csv_empty"
    TEXT_UNREADABLE = "text_unreadable"
    PARSE_TIMEOUT = "parse_timeout"
    PARSE_MEMORY = "parse_memory"
    PARSER_CRASHED = "parser_crashed"
    EMBEDDING_FAILED = "embedding_failed"
    WORKER_LOST = "worker_lost"
    PROCESSING_FAILED = "processing_failed"
    CANCELLED = "cancelled"
    # uploads
    UPLOAD_PROTOCOL = "upload_protocol"
    UPLOAD_OFFSET = "upload_offset"
    UPLOAD_BUSY = "upload_busy"
    UPLOAD_EXPIRED = "upload_expired"
    UPLOADS_UNFINISHED = "uploads_unfinished"
    CHAT_FILES_FULL = "chat_files_full"
    ZIP_UNREADABLE = "zip_unreadable"
    ZIP_EMPTY = "zip_empty"
    ZIP_TOO_LARGE = "zip_too_large"
    ZIP_ENCRYPTED = "zip_encrypted"
    ZIP_NESTED = "zip_nested"
    ZIP_SUSPICIOUS = "zip_suspicious"
    # chat
    MESSAGE_EMPTY = "message_empty"
    MESSAGE_TOO_LONG = "message_too_long"
    SESSION_BUSY = "session_busy"
    CLIENT_ID_REUSED = "client_id_reused"
    NOT_STREAMING = "not_streaming"
    MODEL_NOT_FOUND = "model_not_found"
    UNSUPPORTED_PARAMETER = "unsupported_parameter"
    CANNOT_CONTINUE = "cannot_continue"
    MALFORMED_FRAME = "malformed_frame"
    UNKNOWN_FRAME = "unknown_frame"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"
    ACCESS_REVOKED = "access_revoked"
    # LLMs
    LLM_UNREACHABLE = "llm_unreachable"
    LLM_TIMEOUT = "llm_timeout"
    LLM_KEY_MISSING = "llm_key_missing"
    LLM_KEY_REFUSED = "llm_key_refused"
    LLM_MODEL_NOT_FOUND = "llm_model_not_found"
    LLM_RATE_LIMITED = "llm_rate_limited"
    LLM_NO_CREDIT = "llm_no_credit"
    LLM_PROMPT_TOO_LONG = "llm_prompt_too_long"
    LLM_DECLINED = "llm_declined"
    LLM_NO_ANSWER = "llm_no_answer"
    LLM_REFUSED = "llm_refused"
    LLM_SERVER_ERROR = "llm_server_error"
    LLM_BAD_RESPONSE = "llm_bad_response"
    LLM_OUTPUT_TOO_LARGE = "llm_output_too_large"


@dataclass(frozen=True)
class Definition:
    """What a code means: HTTP status, sentence, next step, and whether trying again may help."""

    status: int
    message: str
    next_step: str
    retryable: bool = False


C, D = ErrorCode, Definition

DEFINITIONS: dict[ErrorCode, Definition] = {
    C.VALIDATION_ERROR: D(400, "Some fields are not right.", "Correct the fields named and send it again."),
    C.MALFORMED_REQUEST: D(
        400, "The request could not be read.", "Send valid JSON, or multipart for a file."
    ),
    C.NOT_AUTHENTICATED: D(401, "You are not signed in.", "Sign in and try again."),
    C.TOKEN_INVALID: D(401, "This token is wrong, expired or revoked.", "Refresh it or sign in again."),
    C.WRONG_CREDENTIALS: D(401, "The e-mail or the password is wrong.", "Check both and try again."),
    C.TOO_MANY_SOCKETS: D(
        429, "You have too many connections open.", "Close other tabs, then try again.", True
    ),
    C.PERMISSION_DENIED: D(403, "You may not do this.", "Ask an administrator."),
    C.NOT_FOUND: D(404, "There is nothing here that you may see.", "Check the address or the id."),
    C.METHOD_NOT_ALLOWED: D(405, "This address does not accept that method.", "See /api/docs/."),
    C.NOT_ACCEPTABLE: D(406, "That format is not available here.", "Ask for application/json."),
    C.CONFLICT: D(409, "This collides with something that exists.", "Look at the details and try again."),
    C.UNSUPPORTED_MEDIA_TYPE: D(415, "This content type is not accepted here.", "See /api/docs/."),
    C.THROTTLED: D(429, "Too many requests.", "Wait for the time given in Retry-After.", True),
    C.MESSAGE_RATE_EXCEEDED: D(
        429,
        "You or your group asked as many questions within a minute as the limit allows.",
        "Ask again after the seconds given in Retry-After.",
        True,
    ),
    C.TOKEN_QUOTA_EXCEEDED: D(
        429,
        "You or your group used all tokens for today.",
        "Ask again on the next day; an administrator can raise the limit.",
    ),
    C.SERVER_ERROR: D(
        500, "Something went wrong here.", "Try again; tell an administrator if it stays.", True
    ),
    C.SERVICE_UNAVAILABLE: D(
        503, "A service that this needs does not answer.", "Try again in a moment.", True
    ),
    C.SIGNUP_DISABLED: D(403, "Sign-up is switched off here.", "Ask an administrator for an account."),
    C.SUPERADMIN_PROTECTED: D(
        403,
        "A superadmin cannot be changed that way.",
        "Nobody demotes, deactivates or deletes a superadmin.",
    ),
    C.SELF_PROTECTED: D(403, "You cannot do that to your own account.", "Ask another administrator."),
    C.API_KEY_LIMIT: D(409, "You have as many API keys as one person may.", "Delete one that is not used."),
    C.API_KEY_NOT_ACCEPTED: D(
        403, "API keys may ask and read chats, nothing else.", "Sign in and use an access token for this."
    ),
    C.LLM_KEY_UNREADABLE: D(
        409,
        "The stored API key can no longer be decrypted.",
        "Enter the API key again in the model's settings.",
    ),
    C.ADDRESS_REFUSED: D(
        400,
        "That address may not be called from here.",
        "Use a public https address, or let the operator add it to OUTBOUND_ALLOW_PRIVATE.",
    ),
    C.FILE_TOO_LARGE: D(
        413,
        "The file is larger than this server accepts.",
        "Split it, or ask the operator to raise MAX_FILE_SIZE_MB.",
    ),
    C.FILE_EMPTY: D(400, "The file is empty.", "Choose a file that has content."),
    C.FILE_TYPE_UNSUPPORTED: D(
        415,
        "Only PDF, CSV, TXT and Markdown files can be read; this is something else.",
        "Convert it to one of these and upload it again.",
    ),
    C.STORAGE_FULL: D(507, "The server's disk is full.", "Tell the operator; then upload it again.", True),
    C.ORIGINAL_NOT_KEPT: D(
        409, "The original file was not kept, so it cannot be processed again.", "Upload the file again."
    ),
    C.DOCUMENT_BUSY: D(
        409, "The document is being processed right now.", "Wait until it is done, or cancel it first.", True
    ),
    C.DOCUMENT_NAME_TAKEN: D(
        409,
        "A document of this name is there already.",
        "Send it again with same_name=replace for a new version, or same_name=keep to have both.",
    ),
    C.DOCUMENT_BYTES_TAKEN: D(
        409, "Another document of this model holds the same bytes.", "Use that one, or delete it first."
    ),
    C.REBUILD_RUNNING: D(
        409,
        "The documents are being rebuilt with another embedding model.",
        "Wait until that is done, or abandon it first.",
    ),
    C.ORIGINALS_MISSING: D(
        409,
        "The original files of some documents were not kept, so they cannot be built anew.",
        "Upload these documents again, or delete them.",
    ),
    C.EMBEDDING_DIMENSION: D(
        422,
        "The embedding model's vectors do not have the length that this installation stores.",
        "Choose a model with 384 dimensions.",
    ),
    C.PDF_ENCRYPTED: D(
        422, "The PDF is protected by a password.", "Save it without one and upload it again."
    ),
    C.PDF_CORRUPT: D(
        422, "The PDF is damaged and cannot be read.", "Open it in a viewer, save it anew and upload that."
    ),
    C.PDF_NO_PAGES: D(422, "The PDF has no pages.", "Check the file and upload it again."),
    C.NO_TEXT: D(
        422,
        "No text was found in the file.",
        "Check that it holds words; a scan needs text recognition (OCR) first.",
    ),
    C.CSV_UNREADABLE: D(
        422, "The table cannot be read as CSV.", "Save it as CSV in UTF-8 and upload it again."
    ),
    C.CSV_EMPTY: D(422, "The table has no rows.", "Check the file and upload it again."),
    C.TEXT_UNREADABLE: D(422, "The text's encoding cannot be read.", "Save it as UTF-8 and upload it again."),
    C.PARSE_TIMEOUT: D(
        422,
        "Reading the file took longer than allowed.",
        "Split the file, or ask the operator to raise PARSE_TIMEOUT_SECONDS.",
    ),
    C.PARSE_MEMORY: D(
        422,
        "Reading the file needed more memory than allowed.",
        "Split the file, or ask the operator to raise PARSE_MEMORY_MB.",
    ),
    C.PARSER_CRASHED: D(
        422, "The file made the reader crash.", "Open it in a viewer, save it anew and upload that."
    ),
    C.EMBEDDING_FAILED: D(
        503,
        "The passages could not be embedded.",
        "Reprocess the document; tell the operator if it stays.",
        True,
    ),
    C.WORKER_LOST: D(
        503,
        "The worker was lost three times while it processed this document.",
        "Reprocess it; tell the operator if it stays.",
        True,
    ),
    C.PROCESSING_FAILED: D(
        500,
        "A fault in Verbatim itself kept this document from being processed.",
        "Reprocess it; if it stays, tell the operator: the worker's log says what happened.",
        True,
    ),
    C.CANCELLED: D(409, "Processing was cancelled.", "Reprocess the document to start again."),
    C.UPLOAD_PROTOCOL: D(
        412,
        "Resumable uploads speak version 1.0.0 of the tus protocol here.",
        "Send the header Tus-Resumable: 1.0.0.",
    ),
    C.UPLOAD_OFFSET: D(
        409,
        "The piece does not begin where the upload stopped.",
        "Ask with HEAD how much has arrived, and go on from there.",
        True,
    ),
    C.UPLOAD_BUSY: D(
        423,
        "Another piece of this upload is being written.",
        "Wait a moment, ask with HEAD how much has arrived, and go on from there.",
        True,
    ),
    C.UPLOAD_EXPIRED: D(
        410, "The upload stood still for too long and was given up.", "Begin the upload again."
    ),
    C.UPLOADS_UNFINISHED: D(
        409,
        "You have too many unfinished uploads.",
        "Finish or cancel some of them; those that stand still for a day are given up.",
        True,
    ),
    C.CHAT_FILES_FULL: D(
        409,
        "This chat holds as many files as a chat may.",
        "Remove a file from it, or begin another chat.",
    ),
    C.ZIP_UNREADABLE: D(
        422, "The zip file, or this file in it, is damaged.", "Make the zip file anew and upload that."
    ),
    C.ZIP_EMPTY: D(422, "The zip file holds no files.", "Check the zip file and upload it again."),
    C.ZIP_TOO_LARGE: D(
        413, "The zip file holds more than one upload may.", "Split it into several zip files."
    ),
    C.ZIP_ENCRYPTED: D(422, "This file in the zip is encrypted.", "Make the zip file without a password."),
    C.ZIP_NESTED: D(415, "This is a zip file inside a zip file.", "Unpack it and upload what it holds."),
    C.ZIP_SUSPICIOUS: D(
        422,
        "This file unpacks to so much more than its packed size that it was not read on.",
        "Upload the file itself, without a zip around it.",
    ),
    C.MESSAGE_EMPTY: D(400, "The message is empty.", "Write a question."),
    C.MESSAGE_TOO_LONG: D(400, "The message is too long.", "Shorten it, or attach the text as a file."),
    C.SESSION_BUSY: D(409, "This chat is still answering.", "Wait for the answer or stop it.", True),
    C.CLIENT_ID_REUSED: D(
        409,
        "This client_id already names another question of yours.",
        "Make a new random client_id for each question.",
    ),
    C.NOT_STREAMING: D(409, "That answer is not being written any more.", "Reload the chat."),
    C.MODEL_NOT_FOUND: D(
        404, "There is no model of this name or id that you may use.", "GET /v1/models lists yours."
    ),
    C.UNSUPPORTED_PARAMETER: D(
        400, "The request asks for something that this API does not do.", "Leave out what is named."
    ),
    C.CANNOT_CONTINUE: D(
        409, "This answer cannot be continued.", "Ask for what is missing, or have the answer written anew."
    ),
    C.MALFORMED_FRAME: D(400, "The frame could not be read.", "Send one JSON object with a known type."),
    C.UNKNOWN_FRAME: D(400, "This type of frame is not known.", "See the socket's description in the docs."),
    C.STOPPED: D(409, "The answer was stopped.", "Ask again or regenerate it."),
    C.INTERRUPTED: D(503, "The answer was interrupted.", "Regenerate it.", True),
    C.ACCESS_REVOKED: D(403, "Your access to this model has ended.", "Ask an administrator."),
    C.LLM_UNREACHABLE: D(
        502,
        "The language model's server does not answer.",
        "Check that it runs and that the base URL is right; "
        "inside Docker use host.docker.internal instead of localhost.",
        True,
    ),
    C.LLM_TIMEOUT: D(504, "The language model took too long.", "Try again, or choose a smaller model.", True),
    C.LLM_KEY_MISSING: D(
        409, "This model has no API key.", "An administrator can enter it in the model's settings."
    ),
    C.LLM_KEY_REFUSED: D(
        502,
        "The language model's server refused the API key.",
        "An administrator should check the key in the model's settings.",
    ),
    C.LLM_MODEL_NOT_FOUND: D(
        502,
        "The language model's server does not know that model.",
        "An administrator should check the model's name.",
    ),
    C.LLM_RATE_LIMITED: D(502, "The language model's server is rate limiting us.", "Try again later.", True),
    C.LLM_NO_CREDIT: D(
        502,
        "The language model's account has no credit or quota left.",
        "An administrator should top it up, or enter the key of another account.",
    ),
    C.LLM_PROMPT_TOO_LONG: D(
        502,
        "The prompt is longer than the language model's window.",
        "Ask something shorter; an administrator should lower the window in the model's settings.",
    ),
    C.LLM_DECLINED: D(
        502, "The provider's rules for content ended the answer.", "Ask in other words, or another model."
    ),
    C.LLM_NO_ANSWER: D(
        502,
        "The language model ended without a word of an answer.",
        "Try again; an administrator can allow longer answers in the model's settings.",
        True,
    ),
    C.LLM_REFUSED: D(
        502,
        "The language model's server refused the request.",
        "An administrator should test the model in its settings.",
    ),
    C.LLM_SERVER_ERROR: D(502, "The language model's server failed.", "Try again.", True),
    C.LLM_BAD_RESPONSE: D(
        502,
        "The language model's server sent something that cannot be read.",
        "Check the provider and the base URL.",
        True,
    ),
    C.LLM_OUTPUT_TOO_LARGE: D(
        502, "The answer grew beyond the limit and was ended.", "Ask for something shorter."
    ),
}
