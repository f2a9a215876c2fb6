-- A first sync writes its tables within minutes and joins them at once. The planner takes a table for small until it is
-- analysed, and joins each row with every other; the service owns none of them, so that it asks for it here.
CREATE FUNCTION analyze_sync() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  ANALYZE sync_companies, sync_requisites, sync_records, sync_items;
END $$;
REVOKE ALL ON FUNCTION analyze_sync() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION analyze_sync() TO {{app}};

-- Links grow while they are joined. With the account first, as before, all of an account's links were read for one.
DROP INDEX links_remote;
CREATE INDEX links_remote ON links (remote_id, tenant_id, account);
