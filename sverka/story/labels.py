"""The words for kinds of work, states, writes, attempts and outcomes, in English and Russian."""

from typing import Final

WORK: Final[dict[str, tuple[str, str]]] = {
    "read-deal": ("Read the deal", "Чтение сделки"),
    "read-buyer": ("Read the buyer", "Чтение покупателя"),
    "sweep": ("Sweep over the stage history", "Обход истории стадий"),
    "sweep-modified": ("Sweep over changed deals", "Обход изменённых сделок"),
    "sweep-buyers": ("Sweep over changed buyers", "Обход изменённых покупателей"),
    "nightly-check": ("Nightly check", "Ночная проверка"),
    "link-buyer": ("Find the buyer's record", "Поиск карточки покупателя"),
    "find-counterparty": ("Look the buyer up in accounting", "Поиск покупателя в бухгалтерии"),
    "create-counterparty": ("Create the buyer in accounting", "Создание покупателя в бухгалтерии"),
    "sync-read-crm": ("First sync: read the companies", "Первая синхронизация: чтение компаний"),
    "sync-read-accounting": ("First sync: read accounting's list", "Первая синхронизация: чтение списка бухгалтерии"),
    "sync-look-up": ("First sync: look INNs up in accounting", "Первая синхронизация: поиск ИНН в бухгалтерии"),
    "sync-compare": ("First sync: compare", "Первая синхронизация: сравнение"),
    "sync-link": ("First sync: link pairs", "Первая синхронизация: связывание"),
    "sync-create": ("First sync: create what is missing", "Первая синхронизация: создание недостающих"),
    "sync-enter": ("First sync: enter into the CRM", "Первая синхронизация: перенос в CRM"),
    "answer-link": ("Answer who waits for the buyer", "Ответ ждущим покупателя"),
    "create-invoice": ("Create the invoice in accounting", "Создание счёта в бухгалтерии"),
    "watch-duplicates": ("Look for a second invoice", "Поиск второго счёта"),
    "create-act": ("Create the act in accounting", "Создание акта в бухгалтерии"),
    "cancel-invoice": ("Cancel the invoice in accounting", "Аннулирование счёта в бухгалтерии"),
    "check-cancel": ("Look whether the invoice is void", "Проверка, аннулирован ли счёт"),
    "hide-invoice": ("Hide the void invoice's page", "Скрытие страницы аннулированного счёта"),
    "list-goods": ("Put goods on the mapping list", "Запись товаров в список сопоставления"),
    "tell-goods": ("Tell who waits for goods", "Ответ ждущим товара"),
    "draw-draft": ("Make the PDF of a draft", "Создание PDF проекта"),
    "fetch-pdf": ("Fetch the PDF", "Получение PDF"),
    "adopt-document": ("Read the document that a person found", "Чтение найденного документа"),
    "request-deadline": ("Deadline of the request", "Срок запроса"),
    "look-at-due": ("Look whether it is overdue", "Проверка просрочки"),
    "reread-payments": ("Read all payments of the invoice", "Чтение всех оплат счёта"),
    "watch-counterparties": ("Look at counterparties that were changed", "Взгляд на изменённых контрагентов"),
    "find-crm-cards": ("Look for the company in the CRM", "Поиск компании в CRM"),
    "crm-newcomer": ("Make the company in the CRM", "Создание компании в CRM"),
    "poll-payments": ("Poll the payments", "Опрос оплат"),
    "poll-payments-now": ("Look at the payments, since accounting called", "Взгляд на оплаты по звонку бухгалтерии"),
    "poll-balances": ("Poll the paid sums", "Опрос оплаченных сумм"),
    "look-at-standing": ("Look whether unpaid invoices still stand", "Проверка, в силе ли неоплаченные счета"),
    "match-waiting": ("Look for payments that came before the invoice", "Поиск оплат, пришедших раньше счёта"),
    "crm-write": ("Write to the deal", "Запись в сделку"),
    "look-at-delays": ("Look whether work still waits", "Проверка, ждёт ли ещё работа"),
    "look-at-letters": ("Look of which dead letters nobody was told", "Проверка, о чём ещё не сообщали"),
    "crm-chat": ("Message to the chat", "Сообщение в чат"),
}

STATES: Final[dict[str, tuple[str, str]]] = {
    "PLANNED": ("planned", "запланировано"),
    "INTENT": ("about to be sent", "отправляется"),
    "SENT": ("sent", "отправлено"),
    "CONFIRMED": ("confirmed", "подтверждено"),
    "REJECTED": ("refused", "отказ"),
    "UNCERTAIN": ("outcome not known", "исход неизвестен"),
    "PROBING": ("being looked up", "проверяется поиском"),
    "ABSENT": ("not there, sent again", "не найдено, отправляется снова"),
    "HUMAN": ("a person decides", "решает человек"),
    "DONE": ("done", "сделано"),
}

WRITES: Final[dict[str, tuple[str, str]]] = {
    "fields": ("the deal's fields", "поля сделки"),
    "file": ("a file of the deal", "файл сделки"),
    "stage": ("the deal's stage", "стадия сделки"),
    "comment": ("a comment in the timeline", "комментарий в ленте"),
    "notification": ("a notification to the manager", "уведомление менеджеру"),
    "chat": ("a message to the chat", "сообщение в чат"),
}

ATTEMPTS: Final[dict[str, tuple[str, str]]] = {
    "send": ("sending", "отправка"),
    "probe": ("look-up", "поиск"),
    "lease": ("interrupted", "прервано"),
    "run": ("attempt", "попытка"),
}

OUTCOMES: Final[dict[str, tuple[str, str]]] = {
    "ok": ("done", "успешно"),
    "retryable": ("not now", "пока нет"),
    "deferred": ("later", "позже"),
    "rejected": ("refused", "отказ"),
    "uncertain": ("outcome not known", "исход неизвестен"),
    "found": ("found", "найдено"),
    "not_found": ("not found", "не найдено"),
    "inconclusive": ("could not be told", "неясно"),
    "not_made": ("could not be asked", "спросить не удалось"),
}
