-- Tasks that a removed tenant's file would not begin anew: they go on when it is back.
CREATE INDEX work_put_by ON work (tenant_id)
  WHERE form = 'task' AND queue = 'closed' AND reason #>> '{values,due_at}' IS NOT NULL
    AND reason ->> 'code' = 'tenant_removed';
