"""Leads, deals, quotes, smart invoices and smart processes."""

from __future__ import annotations

from functools import lru_cache

from sandbox.bitrix24.families.base import ACTIVITY, ADDRESS, MULTIFIELDS, UTM, Family, table

DEAL = Family(
    name="deal", entity_type_id=2, short="D", event="DEAL", uf_entity="CRM_DEAL", timeline="deal", title="Сделка",
    stages=True, categories=True, rows=True, title_template="Сделка #{id}",
    fields=table(f"""
ID id integer r ID
TITLE title string - Название
TYPE_ID typeId crm_status:DEAL_TYPE - Тип
STAGE_ID stageId crm_status:DEAL_STAGE - Стадия сделки
PROBABILITY probability integer - Вероятность
CURRENCY_ID currencyId crm_currency - Валюта
OPPORTUNITY opportunity double - Сумма
IS_MANUAL_OPPORTUNITY isManualOpportunity char - IS_MANUAL_OPPORTUNITY
TAX_VALUE taxValue double - Ставка налога
LEAD_ID leadId crm_lead r Лид
COMPANY_ID companyId crm_company - Компания
CONTACT_ID contactId crm_contact - Контакт
CONTACT_IDS contactIds crm_contact mh Контакты
QUOTE_ID quoteId crm_quote r Предложение
BEGINDATE begindate date - Дата начала
CLOSEDATE closedate date - Дата завершения
ASSIGNED_BY_ID assignedById user - Ответственный
CREATED_BY_ID createdBy user r Кем создана
MODIFY_BY_ID updatedBy user r Кем изменена
DATE_CREATE createdTime datetime r Дата создания
DATE_MODIFY updatedTime datetime r Дата изменения
OPENED opened char - Доступна для всех
CLOSED closed char - Закрыта
COMMENTS comments string - Комментарий
ADDITIONAL_INFO additionalInfo string - Дополнительная информация
LOCATION_ID locationId location - Местоположение
CATEGORY_ID categoryId crm_category i Воронка
STAGE_SEMANTIC_ID stageSemanticId string r Группа стадии
IS_NEW isNew char r Новая сделка
IS_RECURRING isRecurring char - Регулярная сделка
IS_RETURN_CUSTOMER isReturnCustomer char - Повторная сделка
IS_REPEATED_APPROACH isRepeatedApproach char - Повторное обращение
SOURCE_ID sourceId crm_status:SOURCE - Источник
SOURCE_DESCRIPTION sourceDescription string - Дополнительно об источнике
ORIGINATOR_ID originatorId string - Внешний источник
ORIGIN_ID originId string - Идентификатор элемента во внешнем источнике
MOVED_BY_ID movedBy user r MOVED_BY_ID
MOVED_TIME movedTime datetime r MOVED_TIME
-@MYCOMPANY_ID mycompanyId crm_company - Реквизиты вашей компании
-@OBSERVER_IDS observers user m Наблюдатели
-@WEBFORM_ID webformId integer - CRM-форма
{ACTIVITY.strip()}
{UTM.strip()}"""),
)  # fmt: skip

LEAD = Family(
    name="lead", entity_type_id=1, short="L", event="LEAD", uf_entity="CRM_LEAD", timeline="lead", title="Лид",
    stages=True, rows=True, title_template="Лид #{id}",
    fields=table(f"""
ID id integer r ID
TITLE title string - Название лида
HONORIFIC honorific crm_status:HONORIFIC - Обращение
NAME name string - Имя
SECOND_NAME secondName string - Отчество
LAST_NAME lastName string - Фамилия
COMPANY_TITLE companyTitle string - Название компании
COMPANY_ID companyId crm_company - Компания
CONTACT_ID contactId crm_contact - Контакт
CONTACT_IDS contactIds crm_contact mh Контакты
IS_RETURN_CUSTOMER isReturnCustomer char r Повторный лид
BIRTHDATE birthdate date - Дата рождения
SOURCE_ID sourceId crm_status:SOURCE - Источник
SOURCE_DESCRIPTION sourceDescription string - Дополнительно об источнике
STATUS_ID@STAGE_ID stageId crm_status:STATUS - Стадия
STATUS_DESCRIPTION statusDescription string - Дополнительно о стадии
POST post string - Должность
COMMENTS comments string - Комментарий
CURRENCY_ID currencyId crm_currency - Валюта
OPPORTUNITY opportunity double - Сумма
IS_MANUAL_OPPORTUNITY isManualOpportunity char - IS_MANUAL_OPPORTUNITY
HAS_PHONE hasPhone char r Задан телефон
HAS_EMAIL hasEmail char r Задан e-mail
HAS_IMOL hasImol char r Задана открытая линия
ASSIGNED_BY_ID assignedById user - Ответственный
CREATED_BY_ID createdBy user r Кем создан
MODIFY_BY_ID updatedBy user r Кем изменен
DATE_CREATE createdTime datetime r Дата создания
DATE_MODIFY updatedTime datetime r Дата изменения
DATE_CLOSED dateClosed datetime r Дата завершения
STATUS_SEMANTIC_ID@STAGE_SEMANTIC_ID stageSemanticId string r Состояние статуса
OPENED opened char - Доступен для всех
ORIGINATOR_ID originatorId string - Внешний источник
ORIGIN_ID originId string - Идентификатор элемента во внешнем источнике
MOVED_BY_ID movedBy user r MOVED_BY_ID
MOVED_TIME movedTime datetime r MOVED_TIME
-@OBSERVER_IDS observers user m Наблюдатели
-@WEBFORM_ID webformId integer - CRM-форма
{ADDRESS.strip()}
{UTM.strip()}
{ACTIVITY.strip()}
{MULTIFIELDS.strip()}"""),
)  # fmt: skip

QUOTE = Family(
    name="quote", entity_type_id=7, short="Q", event="QUOTE", uf_entity="CRM_QUOTE", timeline="quote",
    title="Предложение", stages=True, rows=True, title_template="Предложение #{id}",
    fields=table(f"""
ID id integer r ID
TITLE title string q Тема
STATUS_ID@STAGE_ID stageId crm_status:QUOTE_STATUS - Стадия предложения
CURRENCY_ID currencyId crm_currency - Валюта
OPPORTUNITY opportunity double - Сумма
-@IS_MANUAL_OPPORTUNITY isManualOpportunity char - IS_MANUAL_OPPORTUNITY
TAX_VALUE taxValue double - Ставка налога
COMPANY_ID companyId crm_company - Компания
CONTACT_ID contactId crm_contact - Контакт
CONTACT_IDS contactIds crm_contact mh Контакты
MYCOMPANY_ID mycompanyId crm_company - Реквизиты вашей компании
BEGINDATE begindate date - Дата выставления
CLOSEDATE closedate date - Срок
ACTUAL_DATE actualDate date - Действует до
ASSIGNED_BY_ID assignedById user - Ответственный
CREATED_BY_ID createdBy user r Кем создан
MODIFY_BY_ID updatedBy user r Кем изменён
DATE_CREATE createdTime datetime r Дата создания
DATE_MODIFY updatedTime datetime r Дата изменения
OPENED opened char - Доступно для всех
CLOSED closed char - Закрыто
COMMENTS comments string - Комментарий
LEAD_ID leadId crm_lead - Лид
DEAL_ID dealId crm_deal - Сделка
QUOTE_NUMBER quoteNumber string r № предложения
CONTENT content string - Содержание
TERMS terms string - Условия
PERSON_TYPE_ID personTypeId integer - Тип клиента
LOCATION_ID locationId location - Местоположение
CLIENT_TITLE clientTitle string - Клиент
CLIENT_ADDR clientAddr string - Адрес
CLIENT_CONTACT clientContact string - Контактное лицо
CLIENT_EMAIL clientEmail string - E-mail
CLIENT_PHONE clientPhone string - Телефон
CLIENT_TP_ID clientTpId string - ИНН
CLIENT_TPA_ID clientTpaId string - КПП
{UTM.strip()}
LAST_COMMUNICATION_TIME - string r Дата последней коммуникации
{ACTIVITY.strip()}"""),
)  # fmt: skip

_SMART = f"""
-@ID id integer r ID
-@XML_ID xmlId string - Внешний код
-@TITLE title string - Название
-@CREATED_BY_ID createdBy user r Кем создан
-@MODIFY_BY_ID updatedBy user r Кем обновлен
-@MOVED_BY_ID movedBy user r Кем изменена стадия
-@DATE_CREATE createdTime datetime r Когда создан
-@DATE_MODIFY updatedTime datetime r Когда обновлен
-@MOVED_TIME movedTime datetime r Когда изменена стадия
-@CATEGORY_ID categoryId crm_category - Воронка
-@OPENED opened char - Доступно для всех
-@STAGE_ID stageId crm_status - Стадия
-@STAGE_SEMANTIC_ID stageSemanticId string r Группа стадии
-@PREVIOUS_STAGE_ID previousStageId crm_status r Предыдущая стадия
-@BEGINDATE begindate date - Дата начала
-@CLOSEDATE closedate date - Дата завершения
-@COMPANY_ID companyId crm_company - Компания
-@CONTACT_ID contactId crm_contact - Контакт
-@CONTACT_IDS contactIds crm_contact m Контакты
-@OPPORTUNITY opportunity double - Сумма
-@IS_MANUAL_OPPORTUNITY isManualOpportunity char - Режим расчета суммы
-@TAX_VALUE taxValue double - Сумма налога
-@CURRENCY_ID currencyId crm_currency - Валюта
-@MYCOMPANY_ID mycompanyId crm_company - Реквизиты вашей компании
-@SOURCE_ID sourceId crm_status:SOURCE - Источник
-@SOURCE_DESCRIPTION sourceDescription string - Дополнительно об источнике
-@ASSIGNED_BY_ID assignedById user - Ответственный
-@OBSERVER_IDS observers user m Наблюдатели
-@WEBFORM_ID webformId integer - CRM-форма
-@PARENT_ID_2 parentId2 crm_entity - Сделка
-@PARENT_ID_7 parentId7 crm_entity - Предложение
{ACTIVITY.strip().replace("LAST_", "-@LAST_")}
{UTM.strip().replace("UTM_", "-@UTM_")}"""

INVOICE = Family(
    name="invoice", entity_type_id=31, short="SI", event="DYNAMICITEM", uf_entity="CRM_SMART_INVOICE",
    timeline="dynamic_31", title="Счёт", stages=True, categories=True, rows=True, classic=False,
    title_template="Счёт #{id}",
    fields=table(f"""{_SMART.strip()}
-@COMMENTS comments string - Комментарий
-@ACCOUNT_NUMBER accountNumber string - Номер
-@LOCATION_ID locationId location - Местоположение"""),
)  # fmt: skip


@lru_cache(maxsize=256)
def dynamic_family(number: int, entity_type_id: int, title: str) -> Family:
    """A smart process made in the portal: `number` is its own id, by which its user fields go (`CRM_7`, not `CRM_177`:
    vendor documentation, "Создать пользовательское поле в смарт-процессе"); its type id is 128 or more."""
    return Family(
        name=f"dynamic_{entity_type_id}", entity_type_id=entity_type_id, short=f"T{entity_type_id:x}",
        event="DYNAMICITEM", uf_entity=f"CRM_{number}", timeline=f"dynamic_{entity_type_id}", title=title,
        stages=True, categories=True, rows=True, classic=False, title_template=title + " #{id}",
        fields=table(_SMART),
    )  # fmt: skip
