"""The statements of a first sync: $1 tenant, $2 account, $3 run."""
# ruff: noqa: S608 - what is put together here are the constants of this file

from typing import Final

TABLES: Final = ("sync_companies", "sync_requisites", "sync_records", "sync_items")

ANALYZE: Final = "SELECT analyze_sync()"

KEEP_COMPANIES: Final = """
INSERT INTO sync_companies (tenant_id, account, run, company_id, title, own)
SELECT $1, $2, $3, t.company_id, t.title, t.own
FROM jsonb_to_recordset($4::jsonb) AS t(company_id text, title text, own boolean)
ON CONFLICT (tenant_id, account, company_id) DO UPDATE SET run = excluded.run, title = excluded.title,
  own = excluded.own
"""

KEEP_REQUISITES: Final = """
INSERT INTO sync_requisites (tenant_id, account, run, requisite_id, company_id, name, inn, kpp, party, fault)
SELECT $1, $2, $3, t.requisite_id, t.company_id, t.name, t.inn, t.kpp, t.party, t.fault
FROM jsonb_to_recordset($4::jsonb) AS t(requisite_id text, company_id text, name text, inn text, kpp text, party text,
  fault text)
ON CONFLICT (tenant_id, account, requisite_id) DO UPDATE SET run = excluded.run, company_id = excluded.company_id,
  name = excluded.name, inn = excluded.inn, kpp = excluded.kpp, party = excluded.party, fault = excluded.fault
"""

KEEP_RECORDS: Final = """
INSERT INTO sync_records (tenant_id, account, run, remote_id, inn, kpp, name)
SELECT DISTINCT ON (t.remote_id) $1, $2, $3::integer, t.remote_id, t.inn, t.kpp, t.name
FROM jsonb_to_recordset($4::jsonb) AS t(remote_id text, inn text, kpp text, name text)
ON CONFLICT (tenant_id, account, remote_id) DO UPDATE SET run = excluded.run, inn = excluded.inn, kpp = excluded.kpp,
  name = excluded.name
"""

# A company that was deleted while the lists were read has requisites and no card: it is not among these.
INNS: Final = """
SELECT DISTINCT r.inn
FROM sync_requisites r JOIN sync_companies c
  ON c.tenant_id = r.tenant_id AND c.account = r.account AND c.company_id = r.company_id AND c.run = r.run
WHERE r.tenant_id = $1 AND r.account = $2 AND r.run = $3 AND r.fault = '' AND NOT c.own AND r.inn > $4
ORDER BY r.inn LIMIT $5
"""

LISTED: Final = """
SELECT r.requisite_id, r.company_id, r.name, r.inn, r.kpp, r.party
FROM sync_requisites r JOIN sync_companies c
  ON c.tenant_id = r.tenant_id AND c.account = r.account AND c.company_id = r.company_id AND c.run = r.run
WHERE r.tenant_id = $1 AND r.account = $2 AND r.run = $3 AND r.fault = '' AND NOT c.own AND r.inn = ANY ($4)
"""

RECORDS: Final = """
SELECT remote_id, inn, kpp, name FROM sync_records
WHERE tenant_id = $1 AND account = $2 AND run = $3 AND inn = ANY ($4)
"""

# Also what is out of order in the CRM is there: its own item says what to do.
LONE_INNS: Final = """
SELECT DISTINCT a.inn FROM sync_records a
WHERE a.tenant_id = $1 AND a.account = $2 AND a.run = $3 AND a.inn > $4
  AND NOT EXISTS (SELECT FROM sync_requisites r
    WHERE r.tenant_id = $1 AND r.account = $2 AND r.run = $3 AND r.fault = '' AND r.inn = a.inn)
  AND a.inn NOT IN (SELECT r.inn FROM sync_requisites r
    WHERE r.tenant_id = $1 AND r.account = $2 AND r.run = $3 AND r.fault <> '')
ORDER BY a.inn LIMIT $5
"""

LINKS: Final = "SELECT party, phase, remote_id FROM links WHERE tenant_id = $1 AND account = $2 AND party = ANY ($3)"

KEEP_ITEMS: Final = """
INSERT INTO sync_items (tenant_id, account, run, item, company_id, requisite_id, name, inn, kpp, party, verdict, reason,
  details, remote_id)
SELECT $1, $2, $3, t.item, t.company_id, t.requisite_id, t.name, t.inn, t.kpp, t.party, t.verdict, t.reason, t.details,
  t.remote_id
FROM jsonb_to_recordset($4::jsonb) AS t(item text, company_id text, requisite_id text, name text, inn text, kpp text,
  party text, verdict text, reason text, details jsonb, remote_id text)
ON CONFLICT (tenant_id, account, item) DO UPDATE SET run = excluded.run, company_id = excluded.company_id,
  requisite_id = excluded.requisite_id, name = excluded.name, inn = excluded.inn, kpp = excluded.kpp,
  party = excluded.party, verdict = excluded.verdict, reason = excluded.reason, details = excluded.details,
  remote_id = excluded.remote_id
"""

_REPLACED: Final = """
ON CONFLICT (tenant_id, account, item) DO UPDATE SET run = excluded.run, company_id = excluded.company_id,
  requisite_id = excluded.requisite_id, name = excluded.name, inn = excluded.inn, kpp = excluded.kpp, party = '',
  verdict = excluded.verdict, reason = excluded.reason, details = excluded.details, remote_id = excluded.remote_id
"""

_INTO_ITEMS: Final = """
INSERT INTO sync_items (tenant_id, account, run, item, company_id, requisite_id, name, inn, kpp, party, verdict, reason,
  details, remote_id)
"""

_OUT_OF_ORDER: Final = f"""{_INTO_ITEMS}
SELECT $1, $2, $3::integer, r.requisite_id, r.company_id, r.requisite_id, r.name, r.inn, r.kpp, '',
  CASE WHEN c.company_id IS NULL OR c.own OR r.fault IN ('inn_missing', 'kpp_missing', 'requisite_off') THEN 'skip'
    ELSE 'conflict' END,
  CASE WHEN c.company_id IS NULL THEN 'company_gone' WHEN c.own THEN 'own_company' ELSE r.fault END, '{{}}'::jsonb, ''
FROM sync_requisites r LEFT JOIN sync_companies c
  ON c.tenant_id = r.tenant_id AND c.account = r.account AND c.company_id = r.company_id AND c.run = r.run
WHERE r.tenant_id = $1 AND r.account = $2 AND r.run = $3 AND (r.fault <> '' OR c.company_id IS NULL OR c.own)
{_REPLACED}"""

_WITHOUT_REQUISITES: Final = f"""{_INTO_ITEMS}
SELECT $1, $2, $3::integer, 'c' || c.company_id, c.company_id, '', c.title, '', '', '', 'skip', 'inn_missing',
  '{{}}'::jsonb, ''
FROM sync_companies c
WHERE c.tenant_id = $1 AND c.account = $2 AND c.run = $3 AND NOT c.own AND NOT EXISTS (
  SELECT FROM sync_requisites r
  WHERE r.tenant_id = $1 AND r.account = $2 AND r.company_id = c.company_id AND r.run = $3)
{_REPLACED}"""

# Twice in accounting, of an INN that no company in order has: else the company's own item says so.
_RECORDS_DOUBLE: Final = f"""{_INTO_ITEMS}
SELECT $1, $2, $3::integer, 'r' || a.remote_id, '', '', a.name, a.inn, a.kpp, '', 'conflict', 'records_double',
  '{{}}'::jsonb, a.remote_id
FROM (SELECT remote_id, name, inn, kpp, count(*) OVER (PARTITION BY inn, kpp) AS times FROM sync_records
      WHERE tenant_id = $1 AND account = $2 AND run = $3 AND inn <> '') AS a
WHERE a.times > 1 AND NOT EXISTS (
  SELECT FROM sync_requisites r
  WHERE r.tenant_id = $1 AND r.account = $2 AND r.run = $3 AND r.fault = '' AND r.inn = a.inn)
{_REPLACED}"""

JUDGE_THE_REST: Final = (_OUT_OF_ORDER, _WITHOUT_REQUISITES, _RECORDS_DOUBLE)

_ITEM_COLUMNS: Final = "i.item, i.company_id, i.requisite_id, i.name, i.inn, i.kpp, i.party, i.remote_id"


def _of_items(which: str = "", order: str = "") -> str:
    """Items with the links of their parties. Under row-level security a link is found by its key where nothing is
    computed in the condition, which might leak: so the key is made of the item before (OFFSET 0)."""
    return f"""
FROM (SELECT *, 'party-' || party AS stream FROM sync_items i
      WHERE i.tenant_id = $1 AND i.account = $2 AND i.run = $3 {which} {order} OFFSET 0) AS i
LEFT JOIN links l
  ON l.tenant_id = i.tenant_id AND l.account = i.account AND i.party <> '' AND l.party = i.stream
"""


_BY_ITEM: Final = "ORDER BY i.item"

TO_LINK: Final = f"""
SELECT {_ITEM_COLUMNS} {_of_items("AND i.verdict = 'link' AND i.item > $4", _BY_ITEM)}
WHERE l.phase IS DISTINCT FROM 'linked' {_BY_ITEM} LIMIT $5
"""

TO_CREATE: Final = f"""
SELECT {_ITEM_COLUMNS} FROM sync_items i
WHERE i.tenant_id = $1 AND i.account = $2 AND i.run = $3 AND i.verdict = 'create' AND i.item > $4
ORDER BY i.item LIMIT $5
"""

# A page that is read again after a fall brings those that were marked before it.
TO_ENTER: Final = f"""
SELECT {_ITEM_COLUMNS} FROM sync_items i
WHERE i.tenant_id = $1 AND i.account = $2 AND i.run = $3 AND i.verdict IN ('enter', 'handed')
  AND i.item IN (SELECT 'r' || unnest($4::text[]))
ORDER BY i.item
"""

LACKING: Final = """
SELECT EXISTS (SELECT FROM sync_items WHERE tenant_id = $1 AND account = $2 AND run = $3 AND verdict = 'enter')
"""

HANDED: Final = f"""
SELECT {_ITEM_COLUMNS} FROM sync_items i
WHERE i.tenant_id = $1 AND i.account = $2 AND i.run = $3 AND i.verdict = 'handed'
ORDER BY i.item
"""

JUDGE: Final = """
UPDATE sync_items SET verdict = $5, reason = $6
WHERE tenant_id = $1 AND account = $2 AND run = $3 AND item = ANY ($4)
"""

LEAVE_THE_REST: Final = """
UPDATE sync_items SET verdict = 'skip', reason = $4
WHERE tenant_id = $1 AND account = $2 AND run = $3 AND verdict IN ('enter', 'handed')
"""

ON_THEIR_WAY: Final = """
SELECT count(*) FROM links WHERE tenant_id = $1 AND account = $2 AND phase IN ('looking', 'checking', 'creating')
"""

UNSETTLED: Final = f"""
SELECT count(*) {_of_items("AND i.verdict = 'create'")}
WHERE l.phase IS NULL OR l.phase IN ('looking', 'checking', 'creating')
"""

# A refusal from before the run says nothing of it: $4 tells whether creating has begun.
_OUTCOME: Final = """
CASE WHEN i.verdict = 'skip' THEN 'skipped' WHEN i.verdict = 'conflict' THEN 'conflict'
  WHEN i.verdict IN ('enter', 'handed') THEN 'to_enter' WHEN i.verdict = 'entered' THEN 'entered'
  WHEN i.verdict = 'placed' THEN 'paired'
  WHEN l.phase = 'linked' AND l.created AND i.verdict = 'create' THEN 'created'
  WHEN l.phase = 'linked' THEN 'paired'
  WHEN l.phase = 'doubtful' THEN 'conflict'
  WHEN i.verdict = 'link' THEN 'to_pair'
  WHEN l.phase = 'refused' AND $4::boolean THEN 'skipped'
  ELSE 'to_create' END
"""

COUNTS: Final = f"SELECT {_OUTCOME} AS outcome, count(*)::integer AS items {_of_items()} GROUP BY 1"

READ: Final = """
SELECT (SELECT count(*)::integer FROM sync_companies WHERE tenant_id = $1 AND account = $2 AND run = $3 AND NOT own)
         AS companies,
       (SELECT count(*)::integer FROM sync_records WHERE tenant_id = $1 AND account = $2 AND run = $3) AS records
"""

ITEMS: Final = f"""
SELECT i.item, i.company_id, i.requisite_id, i.name, i.inn, i.kpp, {_OUTCOME} AS outcome,
  CASE WHEN i.verdict IN ('link', 'create') AND l.phase = 'doubtful' THEN 'waits_for_person'
    WHEN i.verdict = 'create' AND l.phase = 'refused' AND $4::boolean THEN coalesce(l.refused->>'code', '')
    ELSE i.reason END AS reason,
  CASE WHEN i.verdict = 'create' AND l.phase = 'refused' AND $4::boolean THEN coalesce(l.refused->'values', '{{}}')
    ELSE i.details END AS details,
  coalesce(nullif(l.remote_id, ''), i.remote_id) AS remote_id
{_of_items("AND i.item > $5", _BY_ITEM)}
WHERE $6::text = '' OR {_OUTCOME} = $6
{_BY_ITEM} LIMIT $7
"""
