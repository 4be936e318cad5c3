-- What grows with use has an end: the worker removes finished deployments, settled pushes and shipped segments that
-- are past their time.
grant delete on deployments to wherry_worker;
grant select, delete on pushes, receipt_segments to wherry_worker;
create index pushes_by_repository on pushes (tenant_id, repository_id);

-- A tenant that is suspended, deleted or let in again is noticed at once, not at the next full read.
create function notify_tenant() returns trigger language plpgsql as $$
begin
  perform pg_notify('wherry_tenant', new.id);
  return null;
end $$;
create trigger notify after update of suspended_at, deleted_at on tenants
  for each row execute function notify_tenant();
