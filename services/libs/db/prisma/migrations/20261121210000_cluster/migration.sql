-- The build daemon of a tenant and trust level, where builds run in a cluster. The worker says until when it wants one;
-- the controller makes it and says what became of it.
-- state: 'wanted' until the controller has done something about it, and again when the daemon has been stopped.
-- address: tcp://<ip>:<port>, while it is ready. reason: a sentence, when it has failed or is late.
create table build_daemons (
  tenant_id text not null references tenants (id),
  trust text not null check (trust in ('trusted', 'untrusted')),
  wanted_until timestamptz not null,
  state text not null default 'wanted' check (state in ('wanted', 'starting', 'ready', 'failed')),
  address text,
  reason text,
  updated_at timestamptz not null default now(),
  primary key (tenant_id, trust),
  check ((state = 'ready') = (address is not null))
);
alter table build_daemons enable row level security;
alter table build_daemons force row level security;
create policy own on build_daemons using (tenant_id = app_tenant()) with check (tenant_id = app_tenant());
create policy reconcile on build_daemons for select to wherry_controller using (app_scope() = 'reconcile');

grant select on build_daemons to wherry_worker, wherry_controller;
grant insert (tenant_id, trust, wanted_until) on build_daemons to wherry_worker;
grant update (wanted_until, state, address, reason, updated_at) on build_daemons to wherry_worker;
grant update (state, address, reason, updated_at), delete on build_daemons to wherry_controller;

-- What the controller found out about the platform itself, such as whether its cluster enforces NetworkPolicies.
-- detail: a sentence for the operator that tells what to do when it is not ok.
create table platform_checks (
  name text primary key,
  ok boolean not null,
  detail text not null,
  checked_at timestamptz not null default now()
);
grant select on platform_checks to wherry_api;
grant select, insert, update on platform_checks to wherry_controller;

-- Payload: <tenant id>/<trust>. A wish that is only prolonged is news to nobody.
create function notify_build_daemon() returns trigger language plpgsql as $$
begin
  perform pg_notify('wherry_build_daemon', new.tenant_id || '/' || new.trust);
  return null;
end $$;
create trigger notify_new after insert on build_daemons for each row execute function notify_build_daemon();
create trigger notify after update on build_daemons for each row
  when (old.wanted_until < now() or (old.state, old.address, old.reason) is distinct from (new.state, new.address, new.reason))
  execute function notify_build_daemon();
