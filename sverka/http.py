"""HTTP calls of the command line, whose failures are sentences."""

import ssl
from collections.abc import Mapping
from typing import Any, Final

import httpx

from sverka.endings import NotAsWished
from sverka.language import tr

CONNECT_SECONDS_MAX: Final = 5.0
ANSWER_SECONDS_MAX: Final = 60.0
LIMITS: Final = httpx.Limits(max_connections=20, max_keepalive_connections=20, keepalive_expiry=30.0)


def tls_for(url: str) -> ssl.SSLContext:
    """The usual trust for https; an empty context otherwise, since reading the certificates takes 20 ms a client."""
    return ssl.create_default_context() if url.startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class Json:
    """JSON in, JSON out, at one address. Use as a context manager or for the life of the process."""

    def __init__(self, base_url: str, *, what: str, token: str = "") -> None:
        """`what` names the other side in sentences."""
        self.base_url = base_url
        self._what = what
        self._client = httpx.Client(
            base_url=base_url,
            headers={"authorization": f"Bearer {token}"} if token else {},
            timeout=httpx.Timeout(ANSWER_SECONDS_MAX, connect=CONNECT_SECONDS_MAX),
            limits=LIMITS,
            verify=tls_for(base_url),
            trust_env=False,
            follow_redirects=False,
        )

    def __enter__(self) -> "Json":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, path: str, **query: Any) -> Any:
        """The answer of a GET; a query value None is left out."""
        return self.call("GET", path, query=query)

    def post(self, path: str, body: Any = None) -> Any:
        """The answer of a POST."""
        return self.call("POST", path, body=body)

    def call(self, method: str, path: str, *, body: Any = None, query: Mapping[str, Any] | None = None) -> Any:
        """The JSON of the answer. NotAsWished with the other side's own sentence for any status but 2xx."""
        answer = self.raw(method, path, body=body, query=query)
        if not answer.content:
            return None
        try:
            return answer.json()
        except ValueError as error:
            raise NotAsWished(
                tr(
                    f"{self._what} at {self.base_url} answered {method} {path} with something that is not JSON.",
                    f"{self._what} по адресу {self.base_url} ответил на {method} {path} не JSON.",
                )
            ) from error

    def send(self, path: str, data: bytes, *, query: Mapping[str, str]) -> Any:
        """The JSON of the answer to a POST of bytes. Raises as `call` does."""
        return self._answered("POST", path, params=dict(query), content=data).json()

    def raw(
        self, method: str, path: str, *, body: Any = None, query: Mapping[str, Any] | None = None
    ) -> httpx.Response:
        """The answer as it came, of status 2xx."""
        given = {name: value for name, value in (query or {}).items() if value is not None}
        return self._answered(method, path, params=given, json=body)

    def _answered(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            answer = self._client.request(method, path, **request)
        except httpx.TimeoutException as error:
            raise NotAsWished(
                tr(
                    f"{self._what} at {self.base_url} gave no answer to {method} {path} in time. Try again; "
                    "see `sverka status`.",
                    f"{self._what} по адресу {self.base_url} не ответил на {method} {path} вовремя. Повторите; "
                    "смотрите `sverka status`.",
                )
            ) from error
        except httpx.HTTPError as error:
            raise NotAsWished(
                tr(
                    f"{self._what} at {self.base_url} cannot be reached ({type(error).__name__}). "
                    "See `sverka status`, or start it with `sverka up`.",
                    f"{self._what} по адресу {self.base_url} недоступен ({type(error).__name__}). "
                    "Смотрите `sverka status` или запустите `sverka up`.",
                )
            ) from error
        if not answer.is_success:
            raise NotAsWished(self._refusal(method, path, answer))
        return answer

    def _refusal(self, method: str, path: str, answer: httpx.Response) -> str:
        sentence = problem_of(answer) or sentence_of(answer)
        if sentence:
            return sentence
        return tr(
            f"{self._what} answered {method} {path} with status {answer.status_code}.",
            f"{self._what} ответил на {method} {path} статусом {answer.status_code}.",
        )


PROBLEMS: Final[dict[str, tuple[str, str]]] = {
    "invoice_none": ("The deal has no invoice.", "По сделке нет счёта."),
    "invoice_not_of_deal": ("The deal has no invoice {number}.", "По сделке нет счёта № {number}."),
    "invoices_several": (
        "Several invoices stand: {numbers}. Say which: --number N.",
        "В силе несколько счетов: {numbers}. Укажите, какой: --number N.",
    ),
    "invoice_on_its_way": (
        "The deal's newest invoice is still on its way; wait until it is issued.",
        "Последний счёт сделки ещё выставляется; дождитесь его.",
    ),
    "invoice_repeated": (
        "Invoice {number} of today has the same lines already. One more like it: --number {number}.",
        "Сегодня уже выставлен такой же счёт № {number}. Ещё один такой: --number {number}.",
    ),
    "invoice_not_taken": (
        "Accounting has invoice {number} otherwise than it was ordered, and it was not taken: answer the question "
        "about it (`sverka decide list`), or cancel it in accounting.",
        "Счёт № {number} в бухгалтерии не такой, как заказан, и не принят: ответьте на вопрос о нём "
        "(`sverka decide list`) или аннулируйте его в бухгалтерии.",
    ),
    "invoice_of_other_account": (
        "The invoice is in an accounting service that the tenant's file does not name any more.",
        "Счёт выставлен в бухгалтерии, которой в настройках клиента больше нет.",
    ),
    "deal_stopped": (
        "The deal is lost or deleted; no invoice is made for it.",
        "Сделка проиграна или удалена; счёт по ней не выставляется.",
    ),
    "card_unknown": ("There is no such card.", "Такой карточки нет."),
    "card_taken": (
        "{by} has decided already: {choice}. See `sverka decide show`.",
        "{by} уже решил: {choice}. Смотрите `sverka decide show`.",
    ),
    "choice_unknown": (
        "The card has no choice {choice}; choose one of {choices}.",
        "У карточки нет варианта {choice}; есть {choices}.",
    ),
    "number_needed": (
        "Say the number of what was found: --number N.",
        "Укажите номер найденного: --number N.",
    ),
    "sync_is_applied": (
        "The sync is being carried out right now; `--apply` shows how far it is.",
        "Синхронизация уже выполняется; `--apply` покажет ход.",
    ),
    "work_unknown": ("There is no work {work_id}.", "Нет работы {work_id}."),
    "work_under_way": (
        "It is being done right now; look again in a minute.",
        "Она выполняется; посмотрите через минуту.",
    ),
    "work_at_its_end": (
        "It is at its end ({state}); there is nothing to try.",
        "Она завершена ({state}); повторять нечего.",
    ),
    "work_has_no_look_up": (
        "Its outcome cannot be looked up; take its card with `sverka decide`.",
        "Исход нельзя проверить поиском; примите решение: `sverka decide`.",
    ),
}


def problem_of(answer: httpx.Response) -> str:
    """The sentence of a refusal that came as a code with values."""
    try:
        problem = answer.json()["problem"]
        english, russian = PROBLEMS[problem["code"]]
        return tr(english, russian).format_map(problem.get("values") or {})
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""


def sentence_of(answer: httpx.Response) -> str:
    """The sentence of a refusal: the texts under `error`, `message`, `detail` or `errors`."""
    try:
        body = answer.json()
    except ValueError:
        return ""
    return _words(body) if isinstance(body, dict) else ""


def _words(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "\n".join(filter(None, map(_words, value)))
    if isinstance(value, dict):
        for key in ("error", "message", "detail", "errors", "faults", "msg"):
            if value.get(key):
                return _words(value[key])
    return ""
