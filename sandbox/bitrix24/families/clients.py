"""Companies and contacts."""

from __future__ import annotations

from sandbox.bitrix24.families.base import ACTIVITY, ADDRESS, MULTIFIELDS, REG_ADDRESS, UTM, Family, table

COMPANY = Family(
    name="company", entity_type_id=4, short="CO", event="COMPANY", uf_entity="CRM_COMPANY", timeline="company",
    title="Компания",
    fields=table(f"""
ID id integer r ID
COMPANY_TYPE@TYPE_ID typeId crm_status:COMPANY_TYPE - Тип компании
TITLE title string q Название компании
LOGO logo file - Логотип
LEAD_ID leadId crm_lead r Лид
HAS_PHONE hasPhone char r Задан телефон
HAS_EMAIL hasEmail char r Задан e-mail
HAS_IMOL hasImol char r Задана открытая линия
CONTACT_ID - crm_contact mh Контакт
ASSIGNED_BY_ID assignedById user - Ответственный
CREATED_BY_ID createdBy user r Кем создана
MODIFY_BY_ID updatedBy user r Кем изменена
BANKING_DETAILS bankingDetails string - Банковские реквизиты
INDUSTRY industry crm_status:INDUSTRY - Сфера деятельности
REVENUE revenue double - Годовой оборот
CURRENCY_ID currencyId crm_currency - Валюта
EMPLOYEES employees crm_status:EMPLOYEES - Кол-во сотрудников
COMMENTS comments string - Комментарий
DATE_CREATE createdTime datetime r Дата создания
DATE_MODIFY updatedTime datetime r Дата изменения
OPENED opened char - Доступна для всех
IS_MY_COMPANY isMyCompany char - Моя компания
ORIGINATOR_ID originatorId string - Внешний источник
ORIGIN_ID originId string - Идентификатор элемента во внешнем источнике
ORIGIN_VERSION originVersion string - Версия оригинала
-@CATEGORY_ID categoryId crm_category - Воронка
-@OBSERVER_IDS observers user m Наблюдатели
{ADDRESS.strip()}
ADDRESS_LEGAL addressLegal string - Юридический адрес
{REG_ADDRESS.strip()}
{UTM.strip()}
{ACTIVITY.strip()}
LAST_COMMUNICATION_TIME - string r Дата последней коммуникации
{MULTIFIELDS.strip()}"""),
)  # fmt: skip

CONTACT = Family(
    name="contact", entity_type_id=3, short="C", event="CONTACT", uf_entity="CRM_CONTACT", timeline="contact",
    title="Контакт",
    fields=table(f"""
ID id integer r ID
POST post string - Должность
COMMENTS comments string - Комментарий
HONORIFIC honorific crm_status:HONORIFIC - Обращение
NAME name string - Имя
SECOND_NAME secondName string - Отчество
LAST_NAME lastName string - Фамилия
PHOTO photo file - Фотография
LEAD_ID leadId crm_lead r Лид
TYPE_ID typeId crm_status:CONTACT_TYPE - Тип контакта
SOURCE_ID sourceId crm_status:SOURCE - Источник
SOURCE_DESCRIPTION sourceDescription string - Дополнительно об источнике
COMPANY_ID companyId crm_company - Компания
COMPANY_IDS companyIds crm_company mh Компании
BIRTHDATE birthdate date - Дата рождения
EXPORT export char - Участвует в экспорте контактов
HAS_PHONE hasPhone char r Задан телефон
HAS_EMAIL hasEmail char r Задан e-mail
HAS_IMOL hasImol char r Задана открытая линия
DATE_CREATE createdTime datetime r Дата создания
DATE_MODIFY updatedTime datetime r Дата изменения
ASSIGNED_BY_ID assignedById user - Ответственный
CREATED_BY_ID createdBy user r Кем создан
MODIFY_BY_ID updatedBy user r Кем изменен
OPENED opened char - Доступен для всех
ORIGINATOR_ID originatorId string - Внешний источник
ORIGIN_ID originId string - Идентификатор элемента во внешнем источнике
ORIGIN_VERSION originVersion string - Версия оригинала
FACE_ID - integer - Связь с лицом
-@CATEGORY_ID categoryId crm_category - Воронка
-@OBSERVER_IDS observers user m Наблюдатели
{ACTIVITY.strip()}
{ADDRESS.strip()}
{UTM.strip()}
{MULTIFIELDS.strip()}"""),
)  # fmt: skip
