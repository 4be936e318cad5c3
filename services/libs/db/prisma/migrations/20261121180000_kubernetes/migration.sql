-- What the Kubernetes engine needs beside the local one.

-- untrusted: code of people who may not write to the repository. It never shares a cache, a daemon or a namespace with
-- trusted code of the same tenant.
alter table deployments add column trust text not null default 'trusted' check (trust in ('trusted', 'untrusted'));
alter table revisions add column trust text not null default 'trusted' check (trust in ('trusted', 'untrusted'));

-- The BuildKit daemon of a tenant and trust level: the worker wishes for one, the controller tells what became of it.
create table build_daemons (
  tenant_id text not null references tenants (id),
  trust text not null check (trust in ('trusted', 'untrusted')),
  wanted_until timestamptz not null,
  state text not null default 'wanted' check (state in ('wanted', 'starting', 'ready', 'failed')),
  address text,
  reason text,
  updated_at timestamptz not null default now(),
  primary key (tenant_id, trust)
);
alter table build_daemons enable row level security;
alter table build_daemons force row level security;
create policy own on build_daemons using (tenant_id = app_tenant()) with check (tenant_id = app_tenant());
create policy reconcile on build_daemons for select to wherry_controller using (app_scope() = 'reconcile');
grant select, insert on build_daemons to wherry_worker;
grant update (wanted_until) on build_daemons to wherry_worker;
grant select on build_daemons to wherry_api;
grant select, delete on build_daemons to wherry_controller;
grant update (state, address, reason, updated_at) on build_daemons to wherry_controller;

create function notify_build_daemon() returns trigger language plpgsql as $$
begin
  perform pg_notify('wherry_build_daemon', new.tenant_id || '/' || new.trust);
  return null;
end $$;
create trigger notify after insert or update on build_daemons for each row execute function notify_build_daemon();

-- What the platform found out about its own surroundings, such as whether network policies are enforced.
create table platform_checks (
  name text primary key,
  ok boolean not null,
  detail text not null,
  checked_at timestamptz not null default now()
);
grant select, insert, update on platform_checks to wherry_controller;
grant select on platform_checks to wherry_api, wherry_worker;
