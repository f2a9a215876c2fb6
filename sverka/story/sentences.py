"""The sentence of each stored event and each kind of work, in English and Russian, as Jinja templates.

Keys are `service.Event`. Values are the event's own fields; filters: `rub` (kopecks), `day`, `why` (a problem's
sentence), `state`, `write`, `card`, `choice`, `fact`.
"""

from typing import Final

EVENTS: Final[dict[str, tuple[str, str]]] = {
    "ingest.StageNoticed": (
        "The sweep found an entry of stage {{ entry.stage_id }} that no webhook had brought",
        "Обход нашёл вход на стадию {{ entry.stage_id }}, о котором не пришёл вебхук",
    ),
    "ingest.StageEntered": (
        "The deal entered stage {{ entry.stage_id }}",
        "Сделка вошла на стадию {{ entry.stage_id }}",
    ),
    "ingest.RequestMade": (
        "{% if kind == 'act' %}An act{% else %}An invoice{% endif %} is asked for: {{ deal.title }}, "
        "{{ deal.opportunity_kopecks|rub }}",
        "Нужен {% if kind == 'act' %}акт{% else %}счёт{% endif %}: {{ deal.title }}, "
        "{{ deal.opportunity_kopecks|rub }}",
    ),
    "ingest.RequestFailed": (
        "No {{ kind }} can be asked for: {{ reasons|why }}",
        "{% if kind == 'act' %}Акт{% else %}Счёт{% endif %} запросить нельзя: {{ reasons|why }}",
    ),
    "ingest.OrderSeen": (
        "The shop told version {{ version }} of the order{% if cancelled %}: it is cancelled{% endif %}",
        "Магазин прислал версию {{ version }} заказа{% if cancelled %}: заказ отменён{% endif %}",
    ),
    "ingest.CallbackTaken": (
        "{{ account }} told that something happened to its {{ kind }} {{ object_id }}",
        "{{ account }} сообщил о событии: {{ kind }} {{ object_id }}",
    ),
    "ingest.StatementTaken": ("Statement file {{ file_name }} came", "Пришёл файл выписки {{ file_name }}"),
    "ingest.ContentChanged": ("The deal's content changed", "Содержание сделки изменилось"),
    "ingest.DealGone": ("The deal was deleted, or is hidden from us", "Сделка удалена или скрыта от нас"),
    "counterparty.CompanyAsked": (
        "The state register is asked what the buyer lacks",
        "Спрашиваем в реестре то, чего нет у покупателя",
    ),
    "counterparty.CompanyWanted": (
        "Accounting has no such buyer: the state register is asked before it is created",
        "Покупателя в бухгалтерии нет: до создания спрашиваем реестр",
    ),
    "counterparty.CompanyTold": (
        "The state register told of {{ party.name }} ({{ provider }})",
        "Реестр рассказал о {{ party.name }} ({{ provider }})",
    ),
    "counterparty.LinkWanted": ("The buyer is in order: {{ party.name }}", "Покупатель проверен: {{ party.name }}"),
    "counterparty.LinkRefused": (
        "The buyer cannot be used: {{ reasons|why }}",
        "Покупатель не подходит: {{ reasons|why }}",
    ),
    "counterparty.Linked": (
        "The buyer is {% if created %}a new{% else %}a known{% endif %} record in accounting, {{ remote_id }}",
        "Покупатель в бухгалтерии: {% if created %}новая{% else %}известная{% endif %} карточка {{ remote_id }}",
    ),
    "counterparty.RecordWanted": ("The buyer's record is looked for", "Ищем карточку покупателя"),
    "counterparty.RequestLeft": (
        "The deal has another buyer and waits for this one no more",
        "У сделки другой покупатель, этого она больше не ждёт",
    ),
    "counterparty.LinkLost": (
        "Accounting has the buyer's record {{ remote_id }} no more; the buyer is linked anew",
        "Карточки покупателя {{ remote_id }} в бухгалтерии больше нет, ищем покупателя заново",
    ),
    "counterparty.RecordLost": (
        "The record {{ remote_id }} is gone from accounting; it is looked for again",
        "Карточка {{ remote_id }} исчезла из бухгалтерии, ищем её заново",
    ),
    "counterparty.RecordFound": ("The buyer's record is {{ remote_id }}", "Карточка покупателя: {{ remote_id }}"),
    "counterparty.RecordAbsent": (
        "Accounting has no such buyer: it is created",
        "Покупателя в бухгалтерии нет: создаём",
    ),
    "counterparty.RecordRefused": (
        "Accounting refused the buyer: {{ reason|why }}",
        "Бухгалтерия не приняла покупателя: {{ reason|why }}",
    ),
    "counterparty.RecordDoubted": (
        "Nobody can tell which record is the buyer: a person decides",
        "Неясно, какая карточка покупателя верная: решает человек",
    ),
    "invoicing.Requested": (
        "{% if kind == 'act' %}The act{% else %}The invoice{% endif %} is taken into work",
        "{% if kind == 'act' %}Акт{% else %}Счёт{% endif %} принят в работу",
    ),
    "invoicing.BuyerLinked": ("The buyer is known", "Покупатель известен"),
    "invoicing.BuyerRefused": (
        "The buyer cannot be used: {{ reasons|why }}",
        "Покупатель не подходит: {{ reasons|why }}",
    ),
    "invoicing.Blocked": (
        "Nothing was sent. To be corrected: {{ reasons|why }}",
        "Ничего не отправлено. Исправить: {{ reasons|why }}",
    ),
    "invoicing.Held": ("The act waits until the deal is paid", "Акт ждёт оплаты сделки"),
    "invoicing.Ordered": (
        "{% if draft.kind == 'act' %}An act{% else %}An invoice{% endif %} is ordered"
        "{% if draft.number %}, {{ draft.number }}{% endif %}: {{ draft.total_kopecks|rub }}",
        "{% if draft.kind == 'act' %}Акт{% else %}Счёт{% endif %} готов к отправке"
        "{% if draft.number %}, № {{ draft.number }}{% endif %}: {{ draft.total_kopecks|rub }}",
    ),
    "invoicing.AnswerLost": (
        "The answer to its creation was lost; a second one will be looked for in 10 minutes, an hour and a day",
        "Ответ на создание потерялся; не появится ли второй счёт, проверим через 10 минут, час и сутки",
    ),
    "invoicing.Doubted": (
        "What accounting has is not clear: a person decides",
        "Неясно, что создано в бухгалтерии: решает человек",
    ),
    "invoicing.Drafted": (
        "The document lies in accounting as a draft, for the accountant to post",
        "Документ лежит в бухгалтерии черновиком, его проведёт бухгалтер",
    ),
    "invoicing.Made": (
        "{% if kind == 'act' %}Act{% else %}Invoice{% endif %} {{ issued.number }} of {{ issued.date|day }} for "
        "{{ issued.total_kopecks|rub }} exists in accounting",
        "{% if kind == 'act' %}Акт{% else %}Счёт{% endif %} № {{ issued.number }} от {{ issued.date|day }} на "
        "{{ issued.total_kopecks|rub }} создан в бухгалтерии",
    ),
    "invoicing.Refused": ("Accounting refused: {{ reason|why }}", "Бухгалтерия отказала: {{ reason|why }}"),
    "invoicing.BuyerGone": (
        "Accounting has the buyer's record {{ remote_id }} no more; the document waits for a new one",
        "Карточки покупателя {{ remote_id }} в бухгалтерии больше нет, документ ждёт новую",
    ),
    "invoicing.GoodsKnown": (
        "Product {{ product_id }} of the CRM is {{ item_id }} in accounting",
        "Товар CRM {{ product_id }} в бухгалтерии: {{ item_id }}",
    ),
    "invoicing.GoodsUsed": (
        "Goods in accounting:{% for one in goods %} {{ one.product_id }} is {{ one.item_id }}"
        "{% if one.created %} (created){% endif %}{% if not loop.last %},{% endif %}{% endfor %}",
        "Товары в бухгалтерии:{% for one in goods %} {{ one.product_id }} — это {{ one.item_id }}"
        "{% if one.created %} (создан){% endif %}{% if not loop.last %},{% endif %}{% endfor %}",
    ),
    "invoicing.GoodsWanted": (
        "{{ product.name }} ({{ product.product_id }}) is on the list of goods to be mapped",
        "{{ product.name }} ({{ product.product_id }}) — в списке товаров для сопоставления",
    ),
    "invoicing.GoodsMapped": (
        "{{ product.name }} ({{ product.product_id }}) is {{ item_id }} in accounting"
        "{% if by %}: mapped by {{ by }}{% elif created %}: created{% endif %}",
        "{{ product.name }} ({{ product.product_id }}) в бухгалтерии: {{ item_id }}"
        "{% if by %}, сопоставлен: {{ by }}{% elif created %}, создан{% endif %}",
    ),
    "invoicing.GivenUp": ("{{ by }} decided not to make the document", "{{ by }}: документ решено не создавать"),
    "invoicing.VatOverridden": ("{{ by }} let the VAT rate pass", "{{ by }}: ставка НДС разрешена"),
    "invoicing.Reentered": (
        "The stage was entered again; {{ number }} exists, nothing else is made",
        "Повторный вход на стадию; № {{ number }} уже есть, ничего не создаётся",
    ),
    "invoicing.ContentChanged": (
        "The deal no longer shows what was issued{% if total_kopecks %}: now {{ total_kopecks|rub }}{% endif %}",
        "Сделка отличается от выставленного{% if total_kopecks %}: теперь {{ total_kopecks|rub }}{% endif %}",
    ),
    "invoicing.DealSeen": ("The corrected deal is tried again", "Исправленная сделка проверяется снова"),
    "invoicing.DealGone": ("The deal is gone; what waited stops", "Сделки больше нет; ожидавшее остановлено"),
    "invoicing.DealBack": ("The deal is there again", "Сделка снова на месте"),
    "invoicing.DealLost": ("The deal is lost; what waited stops", "Сделка проиграна; ожидавшее остановлено"),
    "invoicing.DealRegained": ("The deal is not lost any more", "Сделка больше не проиграна"),
    "invoicing.Rendered": ("The PDF is there ({{ size_bytes }} bytes)", "PDF получен ({{ size_bytes }} байт)"),
    "invoicing.BalanceSeen": ("The invoice's state: {{ status|state }}", "Состояние счёта: {{ status|state }}"),
    "invoicing.CancelOrdered": ("{{ by }} asked to cancel the invoice", "{{ by }}: счёт решено аннулировать"),
    "invoicing.AskedMeanwhile": (
        "Another invoice was asked for; it begins once this one is void",
        "Запрошен новый счёт; он начнётся, когда этот будет аннулирован",
    ),
    "invoicing.CancelRefused": (
        "Accounting did not {% if undecided %}confirm that it cancelled{% else %}cancel{% endif %}: {{ reason|why }}",
        "Бухгалтерия не {% if undecided %}подтвердила аннулирование{% else %}аннулировала{% endif %}: {{ reason|why }}",
    ),
    "invoicing.Cancelled": ("Invoice {{ number }} is cancelled", "Счёт № {{ number }} аннулирован"),
    "ingest.RequisiteSeen": (
        "The requisites of a company were read{% if previous_inn %}; its INN was {{ previous_inn }}{% endif %}",
        "Прочитаны реквизиты компании{% if previous_inn %}; прежний ИНН {{ previous_inn }}{% endif %}",
    ),
    "counterparty.BuyerSeen": ("The deal's buyer as it is now is noted", "Замечено, кто теперь покупатель сделки"),
    "counterparty.CardSeen": ("A company of the CRM has this INN", "В CRM есть компания с этим ИНН"),
    "counterparty.CardLeft": (
        "A company of the CRM has another INN by now",
        "У компании в CRM теперь другой ИНН",
    ),
    "counterparty.CompanyKnown": (
        "The state register {% if facts %}told of the company{% else %}has no such company{% endif %}",
        "{% if facts %}Реестр рассказал о компании{% else %}В реестре такой компании нет{% endif %}",
    ),
    "counterparty.CardFilled": (
        "The company's card is filled from the state register",
        "Карточка компании заполняется по реестру",
    ),
    "counterparty.RecordSeen": (
        "The accountant entered or changed the company: {{ record['values'].get('name', '') }}",
        "Бухгалтер завёл или изменил компанию: {{ record['values'].get('name', '') }}",
    ),
    "counterparty.RecordPlaced": (
        "It is known what the CRM has of the accountant's company",
        "Известно, что в CRM отвечает компании из бухгалтерии",
    ),
    "counterparty.CompanyMissing": (
        "The CRM does not have the accountant's company: it is to be made there",
        "В CRM нет компании из бухгалтерии: она будет создана",
    ),
    "counterparty.RecordIntroduced": (
        "The first sync asks for the buyer's record",
        "Первая сверка ищет карточку покупателя",
    ),
    "counterparty.StandingWanted": (
        "The state register is asked whether the buyer may be sold to",
        "Спрашиваем в реестре, можно ли продавать покупателю",
    ),
    "counterparty.StandingTold": (
        "The buyer may be sold to{% if confirmed %}: a person let it pass{% endif %}",
        "Покупателю можно продавать{% if confirmed %}: разрешил человек{% endif %}",
    ),
    "counterparty.BuyerBarred": (
        "The buyer may not be sold to: {{ reason|why }}",
        "Покупателю продавать нельзя: {{ reason|why }}",
    ),
    "counterparty.SyncBegan": (
        "The first sync of companies begins{% if not apply %}, as a preview{% endif %}",
        "Первая сверка компаний началась{% if not apply %}, пока без изменений{% endif %}",
    ),
    "counterparty.SyncCrmRead": ("All companies of the CRM are read", "Все компании CRM прочитаны"),
    "counterparty.SyncAccountingRead": ("All records of accounting are read", "Все карточки бухгалтерии прочитаны"),
    "counterparty.SyncCompared": ("Companies and records are compared", "Компании и карточки сопоставлены"),
    "counterparty.SyncApplied": (
        "{% if by %}{{ by }} had{% else %}A person had{% endif %} the comparison carried out",
        "{% if by %}{{ by }}: {% endif %}сопоставление решено применить",
    ),
    "counterparty.SyncLinked": ("Found pairs are linked", "Найденные пары связаны"),
    "counterparty.SyncCreated": ("What accounting lacked is created", "Недостающее в бухгалтерии создано"),
    "counterparty.SyncEnded": ("The first sync is done", "Первая сверка закончена"),
    "invoicing.DealHeard": ("The deal as it is now is noted", "Замечено, какова сделка теперь"),
    "invoicing.EdiBegun": ("The act is to be exchanged electronically", "Акт пойдёт электронным документом"),
    "invoicing.EdiRetried": ("The electronic document is tried again", "Электронный документ готовится снова"),
    "invoicing.EdiBlocked": (
        "The electronic document cannot be prepared: a person decides",
        "Электронный документ не подготовить: решает человек",
    ),
    "invoicing.EdiInviting": ("The partner is invited to exchange documents", "Приглашаем контрагента к обмену"),
    "invoicing.EdiInvited": ("The partner has the invitation", "Приглашение у контрагента"),
    "invoicing.EdiPrepared": ("The electronic document is written", "Электронный документ составлен"),
    "invoicing.EdiDoubted": (
        "Whether Diadoc has the document is not clear: a person decides",
        "Неясно, есть ли документ в Диадоке: решает человек",
    ),
    "invoicing.EdiPosted": ("Diadoc has the document", "Документ в Диадоке"),
    "invoicing.EdiNewsHeard": ("Diadoc has news of the document", "В Диадоке есть новости о документе"),
    "invoicing.EdiMoved": (
        "The electronic document is in another state{% if reason %}: {{ reason }}{% endif %}",
        "Состояние электронного документа изменилось{% if reason %}: {{ reason }}{% endif %}",
    ),
    "invoicing.EdiFiled": (
        "The signed document and its signatures are there",
        "Подписанный документ и подписи получены",
    ),
    "invoicing.EdiGivenUp": (
        "{{ by }} decided against the electronic document",
        "{{ by }}: решено обойтись без электронного документа",
    ),
    "payments.CancellationKept": (
        "An invoice is void before it was told of",
        "Счёт недействителен раньше, чем о нём сообщили",
    ),
    "notifier.NewcomerTold": (
        "A company that accounting has is to be made in the CRM",
        "Компания из бухгалтерии будет создана в CRM",
    ),
    "notifier.NewcomerSettled": (
        "{% if refused %}The portal refused the company: {{ refused|why }}{% else %}The CRM has the company{% endif %}",
        "{% if refused %}Портал не принял компанию: {{ refused|why }}{% else %}Компания есть в CRM{% endif %}",
    ),
    "notifier.CompanyTold": ("The company's card is to be written", "Карточка компании будет записана"),
    "notifier.CompanyWritten": (
        "{% if refused %}The portal refused the company's card: {{ refused|why }}"
        "{% else %}The company's card is written{% endif %}",
        "{% if refused %}Портал не принял карточку компании: {{ refused|why }}"
        "{% else %}Карточка компании записана{% endif %}",
    ),
    "payments.InvoiceKnown": (
        "Invoice {{ number }}: {{ total_kopecks|rub }} to be paid by {{ due_date|day }}",
        "Счёт № {{ number }}: ждём {{ total_kopecks|rub }} до {{ due_date|day }}",
    ),
    "payments.InvoiceVoided": ("The invoice is not to be paid any more", "Счёт больше не нужно оплачивать"),
    "payments.PaymentCounted": (
        "{% if operation.direction == 'out' %}Refund{% else %}Payment{% endif %} of {{ operation.amount_kopecks|rub }} "
        "of {{ operation.date|day }}{% if operation.order_number %}, order {{ operation.order_number }}{% endif %}",
        "{% if operation.direction == 'out' %}Возврат{% else %}Оплата{% endif %} {{ operation.amount_kopecks|rub }} от "
        "{{ operation.date|day }}{% if operation.order_number %}, поручение № {{ operation.order_number }}{% endif %}",
    ),
    "payments.PaymentCorrected": (
        "A payment was corrected: {{ amount_before_kopecks|rub }} → {{ operation.amount_kopecks|rub }}",
        "Платёж исправлен: {{ amount_before_kopecks|rub }} → {{ operation.amount_kopecks|rub }}",
    ),
    "payments.PaymentRenamed": ("A payment has another id at the vendor now", "У платежа сменился номер операции"),
    "payments.PaymentRevoked": (
        "The payment of {{ amount_kopecks|rub }} of {{ date|day }} is no longer there",
        "Платёж {{ amount_kopecks|rub }} от {{ date|day }} больше не числится",
    ),
    "payments.PaymentsNoticed": ("There is news about the payments", "Есть новости об оплатах"),
    "payments.PaymentsDoubted": (
        "Accounting lists no payment of an invoice that it has as paid with {{ told_kopecks|rub }}; it is read again",
        "В списке оплат счёта пусто, а сам счёт в бухгалтерии оплачен на {{ told_kopecks|rub }}; читаем ещё раз",
    ),
    "payments.DoubtEnded": ("The payments are in no doubt any more", "Сомнений в оплатах больше нет"),
    "payments.AccountCalled": ("Accounting told of news by itself", "Бухгалтерия сама сообщила о новостях"),
    "payments.FactSeen": ("Accounting tells another paid sum", "Бухгалтерия сообщает другую оплаченную сумму"),
    "payments.BalanceChanged": (
        "Paid {{ paid_kopecks|rub }} of {{ total_kopecks|rub }}: {{ status|state }}",
        "Оплачено {{ paid_kopecks|rub }} из {{ total_kopecks|rub }}: {{ status|state }}",
    ),
    "payments.OverdueSeen": (
        "Overdue by {{ days }} days, {{ rest_kopecks|rub }} left{% if remind %}; the manager is reminded{% endif %}",
        "Просрочка {{ days }} дн., осталось {{ rest_kopecks|rub }}{% if remind %}; менеджеру напоминание{% endif %}",
    ),
    "payments.OverdueEnded": ("Not overdue any more", "Просрочки больше нет"),
    "payments.StatementSeen": ("Statement file {{ file_name }} came", "Пришёл файл выписки {{ file_name }}"),
    "payments.StatementRead": (
        "The statement was read: {{ taken }} of {{ sections }} operations taken",
        "Выписка прочитана: принято операций {{ taken }} из {{ sections }}",
    ),
    "payments.StatementRowsSeen": (
        "A bank statement lists {{ rows|length }} operations of the invoice; accounting counts them",
        "В выписке банка по счёту операций: {{ rows|length }}; учитывает их бухгалтерия",
    ),
    "payments.PaymentEnriched": (
        "The bank statement tells the payment's order {{ order_number }} of {{ date|day }}",
        "Выписка банка назвала поручение платежа: № {{ order_number }} от {{ date|day }}",
    ),
    "payments.DayListed": (
        "A bank statement listed the day, with {{ changes|length }} changes",
        "Выписка банка за день, изменений: {{ changes|length }}",
    ),
    "payments.OperationsMatched": (
        "{{ matches|length }} operations of the bank were tied to invoices",
        "Операций банка привязано к счетам: {{ matches|length }}",
    ),
    "payments.OperationPointed": (
        "{{ by }} said that the operation pays invoice {{ number }}",
        "{{ by }}: операция оплачивает счёт № {{ number }}",
    ),
    "payments.OperationUnmatched": ("A payment fits no invoice", "Платёж не подошёл ни к одному счёту"),
    "payments.OperationMatched": ("The payment found its invoice", "Платёж нашёл свой счёт"),
    "payments.OperationGone": (
        "The payment without an invoice is gone from accounting, or counted in full",
        "Платёж без счёта исчез из бухгалтерии или учтён полностью",
    ),
    "notifier.Told": ("To be told: {{ fact|fact }}", "Сообщить: {{ fact|fact }}"),
    "notifier.Written": (
        "{% if refused %}The CRM refused {{ write|write }}: {{ refused|why }}"
        "{% else %}Written: {{ write|write }}{% endif %}",
        "{% if refused %}CRM не приняла ({{ write|write }}): {{ refused|why }}"
        "{% else %}Записано: {{ write|write }}{% endif %}",
    ),
    "*.CardOpened": ("A decision is needed: {{ kind|card(values) }}", "Нужно решение: {{ kind|card(values) }}"),
    "*.CardTaken": (
        "{{ by }} decided: {{ kind|choice(choice) }}{% if number %} ({{ number }}){% endif %}",
        "{{ by }}: {{ kind|choice(choice) }}{% if number %} ({{ number }}){% endif %}",
    ),
    "*.WorkFellBehind": (
        "Work waits for {{ vendor }} and will go on by itself: {{ {'code': code, 'values': values}|why }}",
        "Работа ждёт {{ vendor }} и продолжится сама: {{ {'code': code, 'values': values}|why }}",
    ),
    "*.WorkWentOn": ("Delayed work went on", "Отложенная работа продолжена"),
    "*.AccountWentDown": ("{{ vendor }} does not answer", "{{ vendor }} не отвечает"),
    "*.AccountCameBack": ("{{ vendor }} answers again", "{{ vendor }} снова отвечает"),
}
