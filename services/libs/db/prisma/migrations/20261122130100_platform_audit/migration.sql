-- What changes the platform itself, and which tenants it has: no tenant's, so it stays when a tenant is deleted. The
-- columns are those of audit_log.
create table platform_audit_log (
  id bigint generated always as identity primary key,
  at timestamptz not null default clock_timestamp(),
  actor_kind text not null check (actor_kind in ('user', 'token', 'github', 'platform')),
  actor_id text,
  actor_name text not null,
  action text not null,
  target text not null,
  details jsonb not null default '{}',
  request_id text
);
create index platform_audit_log_by_time on platform_audit_log (at);
-- Nothing of it is ever removed: app.purging is for what a deleted tenant leaves.
create function refuse_any_change() returns trigger language plpgsql as $$
begin
  raise exception 'rows of % are never changed or removed', tg_table_name;
end $$;
create trigger append_only before update or delete or truncate on platform_audit_log
  for each statement execute function refuse_any_change();

grant select, insert on platform_audit_log to wherry_api;
-- A tenant that an installation makes, and one that is gone.
grant insert on platform_audit_log to wherry_worker;
