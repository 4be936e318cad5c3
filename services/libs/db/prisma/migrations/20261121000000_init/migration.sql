-- The first schema. Conventions:
--   * every tenant table has tenant_id as the first part of its primary key and of every foreign key,
--     because foreign-key checks bypass row-level security;
--   * a tenant transaction sets app.tenant_id; what crosses tenants sets app.scope to one of the names in
--     services/libs/db/src/scopes.ts, and has a policy of its own for exactly the role that needs it;
--   * each process logs in with its own role and gets only the columns and commands it uses.

-- Roles are made without a login; setup gives each a password. They exist once per server, so creation is conditional.
do $$
declare name text;
begin
  foreach name in array array['wherry_api', 'wherry_gateway', 'wherry_git', 'wherry_worker', 'wherry_controller'] loop
    if not exists (select from pg_roles where rolname = name) then
      execute format('create role %I nologin nosuperuser nocreatedb nocreaterole nobypassrls', name);
    end if;
  end loop;
end $$;

revoke all on schema public from public;
grant usage on schema public to wherry_api, wherry_gateway, wherry_git, wherry_worker, wherry_controller;

create function app_tenant() returns text language sql stable
  return nullif(current_setting('app.tenant_id', true), '');
create function app_scope() returns text language sql stable
  return nullif(current_setting('app.scope', true), '');

-- Without a tenant ------------------------------------------------------------------------------------------------

create table users (
  id text primary key,
  name text not null,
  is_operator boolean not null default false,
  created_at timestamptz not null default now()
);

-- token_hash: SHA-256 of the random value that only the link or the cookie holds.
create table login_links (
  token_hash bytea primary key,
  user_id text not null references users (id) on delete cascade,
  expires_at timestamptz not null,
  used_at timestamptz
);
create table sessions (
  token_hash bytea primary key,
  user_id text not null references users (id) on delete cascade,
  created_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  expires_at timestamptz not null
);

-- Public halves of the keys that secrets are sealed to. The private halves never reach the database.
create table sealing_keys (
  key_id text primary key,
  public_key bytea not null,
  created_at timestamptz not null default now(),
  retired_at timestamptz
);

-- One row. Its lock makes versions equal to commit order, so a gateway that has seen version n has seen all before it.
create table routing_version (
  only_row boolean primary key default true check (only_row),
  version bigint not null default 0
);
insert into routing_version default values;

create table gateways (
  id text primary key,
  acknowledged_version bigint not null default 0,
  started_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now()
);

-- A segment of a gateway's journal that has been shipped; (epoch, segment) makes shipping it twice a no-op.
create table receipt_segments (
  epoch text not null,
  segment integer not null,
  receipt_count integer not null,
  checksum text not null,
  shipped_at timestamptz not null default now(),
  primary key (epoch, segment)
);

-- Tenants and people ----------------------------------------------------------------------------------------------

-- Rows are never deleted, so a slug is never issued twice. number gives the tenant its local uid.
create table tenants (
  id text primary key,
  number integer generated always as identity unique,
  slug text not null unique check (slug ~ '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$' and slug not like '%--%' and length(slug) <= 40),
  name text not null,
  created_at timestamptz not null default now(),
  suspended_at timestamptz,
  deleted_at timestamptz
);

create table memberships (
  tenant_id text not null references tenants (id),
  user_id text not null references users (id) on delete cascade,
  role text not null check (role in ('owner', 'developer', 'viewer', 'billing')),
  created_at timestamptz not null default now(),
  primary key (tenant_id, user_id)
);

-- Sources ---------------------------------------------------------------------------------------------------------

create table repositories (
  tenant_id text not null references tenants (id),
  id text not null,
  name text not null,
  production_branch text,
  created_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, name)
);

-- scopes: 'deploy' and 'read' for the API, 'git:push' and 'git:read' for the git remote.
-- A token with repository_id opens that repository only.
create table tokens (
  tenant_id text not null references tenants (id),
  id text not null,
  name text not null,
  token_hash bytea not null unique,
  scopes text[] not null,
  repository_id text,
  created_by text references users (id) on delete set null,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz,
  primary key (tenant_id, id),
  foreign key (tenant_id, repository_id) references repositories (tenant_id, id) on delete cascade
);

-- The ledger of refs as last seen in the bare repository: what was told to the planner.
create table repository_refs (
  tenant_id text not null,
  repository_id text not null,
  ref text not null,
  commit_sha text not null,
  updated_at timestamptz not null default now(),
  primary key (tenant_id, repository_id, ref),
  foreign key (tenant_id, repository_id) references repositories (tenant_id, id) on delete cascade
);

-- One row per ref update: written as 'intended' before the ref moves, so that a kill in between is seen.
create table pushes (
  tenant_id text not null,
  id text not null,
  repository_id text not null,
  ref text not null,
  old_sha text not null,
  new_sha text not null,
  status text not null check (status in ('intended', 'landed', 'refused', 'void')),
  created_at timestamptz not null default now(),
  finished_at timestamptz,
  primary key (tenant_id, id),
  foreign key (tenant_id, repository_id) references repositories (tenant_id, id) on delete cascade
);
create index pushes_intended on pushes (created_at) where status = 'intended';

-- Environments and settings ---------------------------------------------------------------------------------------

create table environments (
  tenant_id text not null references tenants (id),
  id text not null,
  name text not null,
  kind text not null check (kind in ('production', 'preview')),
  created_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, name)
);

-- kind 'build' is seen by stack.yml substitution and by builds; kind 'runtime' by functions.
create table variables (
  tenant_id text not null,
  environment_id text not null,
  kind text not null check (kind in ('build', 'runtime')),
  name text not null,
  value text not null,
  updated_at timestamptz not null default now(),
  primary key (tenant_id, environment_id, kind, name),
  foreign key (tenant_id, environment_id) references environments (tenant_id, id) on delete cascade
);

create table secrets (
  tenant_id text not null,
  environment_id text not null,
  name text not null,
  version integer not null,
  key_id text not null references sealing_keys (key_id),
  sealed bytea not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, environment_id, name),
  foreign key (tenant_id, environment_id) references environments (tenant_id, id) on delete cascade
);

-- Functions, deployments, revisions -------------------------------------------------------------------------------

create table functions (
  tenant_id text not null,
  id text not null,
  environment_id text not null,
  name text not null,
  repository_id text not null,
  root_dir text not null,
  created_at timestamptz not null default now(),
  removed_at timestamptz,
  primary key (tenant_id, id),
  foreign key (tenant_id, environment_id) references environments (tenant_id, id) on delete cascade,
  foreign key (tenant_id, repository_id) references repositories (tenant_id, id)
);
create unique index functions_name on functions (tenant_id, environment_id, name) where removed_at is null;

-- lease_*: the worker that builds it now; a lease that ran out is taken over.
-- attempt: builders that ended unexpectedly. build_offset: bytes of the builder's events that are in these tables.
create table deployments (
  tenant_id text not null,
  id text not null,
  environment_id text not null,
  repository_id text not null,
  root_dir text not null,
  ref text not null,
  commit_sha text not null,
  tree_sha text not null,
  commit_message text not null,
  author text not null,
  status text not null check (status in
    ('queued', 'building', 'releasing', 'live', 'retired', 'failed', 'superseded', 'skipped', 'cancelled')),
  reason text,
  superseded_by text,
  cancel_requested_at timestamptz,
  notes jsonb not null default '[]',
  attempt integer not null default 0,
  build_offset bigint not null default 0,
  lease_owner text,
  lease_until timestamptz,
  created_at timestamptz not null default now(),
  started_at timestamptz,
  finished_at timestamptz,
  primary key (tenant_id, id),
  foreign key (tenant_id, environment_id) references environments (tenant_id, id) on delete cascade,
  foreign key (tenant_id, repository_id) references repositories (tenant_id, id)
);
create index deployments_unfinished on deployments (created_at) where status in ('queued', 'building', 'releasing');
create index deployments_by_repository on deployments (tenant_id, repository_id, root_dir, created_at);

-- config: the shape RevisionConfig in services/libs/domain/src/revision-config.ts.
create table revisions (
  tenant_id text not null,
  id text not null,
  function_id text not null,
  number integer not null,
  deployment_id text not null,
  input_hash text not null,
  artifact_digest text not null,
  config jsonb not null,
  config_hash text not null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, function_id, number),
  foreign key (tenant_id, function_id) references functions (tenant_id, id) on delete cascade,
  foreign key (tenant_id, deployment_id) references deployments (tenant_id, id) on delete cascade
);

-- What a deployment found in its stack; revision_id is set when built or reused.
create table deployment_functions (
  tenant_id text not null,
  deployment_id text not null,
  name text not null,
  status text not null check (status in ('queued', 'building', 'built', 'reused', 'failed')),
  reason text,
  revision_id text,
  build_ms integer,
  primary key (tenant_id, deployment_id, name),
  foreign key (tenant_id, deployment_id) references deployments (tenant_id, id) on delete cascade,
  foreign key (tenant_id, revision_id) references revisions (tenant_id, id)
);

-- A wish to make a deployment the one that serves. The controller moves it to 'routed', the worker proves it 'live'.
create table releases (
  tenant_id text not null,
  id text not null,
  deployment_id text not null,
  environment_id text not null,
  repository_id text not null,
  root_dir text not null,
  kind text not null check (kind in ('deploy', 'rollback', 'promote')),
  status text not null check (status in ('pending', 'routed', 'live', 'failed', 'superseded')),
  reason text,
  routed_version bigint,
  requested_by text references users (id) on delete set null,
  created_at timestamptz not null default now(),
  finished_at timestamptz,
  primary key (tenant_id, id),
  foreign key (tenant_id, deployment_id) references deployments (tenant_id, id) on delete cascade
);
create index releases_unfinished on releases (created_at) where status in ('pending', 'routed');

-- A rollback pins (repository, root directory) in an environment: pushes are built but not released until resumed.
create table pins (
  tenant_id text not null,
  environment_id text not null,
  repository_id text not null,
  root_dir text not null,
  deployment_id text not null,
  created_by text references users (id) on delete set null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, environment_id, repository_id, root_dir),
  foreign key (tenant_id, deployment_id) references deployments (tenant_id, id) on delete cascade
);

create table routes (
  tenant_id text not null,
  function_id text not null,
  environment_id text not null,
  revision_id text not null,
  deployment_id text not null,
  version bigint not null,
  primary key (tenant_id, function_id),
  foreign key (tenant_id, function_id) references functions (tenant_id, id) on delete cascade,
  foreign key (tenant_id, revision_id) references revisions (tenant_id, id),
  foreign key (tenant_id, deployment_id) references deployments (tenant_id, id)
);

-- What runs, as the controller last saw it. A gateway may dispatch to 'ready' replicas only.
create table replicas (
  tenant_id text not null,
  id text not null,
  revision_id text not null,
  state text not null check (state in ('starting', 'ready', 'draining', 'crashed')),
  address text,
  restarts integer not null default 0,
  reason text,
  version bigint not null default 0,
  started_at timestamptz not null default now(),
  primary key (tenant_id, id),
  foreign key (tenant_id, revision_id) references revisions (tenant_id, id) on delete cascade
);
create index replicas_by_revision on replicas (tenant_id, revision_id);

-- When each gateway last saw a request for a revision; what "idle" is measured by.
create table activity (
  tenant_id text not null,
  revision_id text not null,
  gateway_id text not null,
  last_request_at timestamptz not null,
  in_flight integer not null,
  primary key (tenant_id, revision_id, gateway_id),
  foreign key (tenant_id, revision_id) references revisions (tenant_id, id) on delete cascade
);

-- Records, partitioned by day ------------------------------------------------------------------------------------

-- (epoch, segment, index) identifies a receipt; call_id is the caller's word and proves nothing.
-- outcome: 'complete' | 'aborted' (client or function went away) | 'refused'.
create table receipts (
  tenant_id text not null,
  epoch text not null,
  segment integer not null,
  index integer not null,
  call_id text not null,
  function_id text not null,
  revision_id text not null,
  replica_id text not null,
  started_at timestamptz not null,
  duration_ms integer not null,
  memory_mib integer not null,
  status integer not null,
  outcome text not null check (outcome in ('complete', 'aborted')),
  response_bytes bigint not null,
  billed boolean not null,
  primary key (tenant_id, epoch, segment, index, started_at)
) partition by range (started_at);
create index receipts_by_call on receipts (tenant_id, call_id);
create index receipts_by_function on receipts (tenant_id, function_id, started_at);

-- lines: [[epoch ms, stream, call id or '', text], …]; one chunk holds lines of one replica or one build only.
create table log_chunks (
  tenant_id text not null,
  id bigint generated always as identity,
  day date not null,
  source text not null check (source in ('function', 'build')),
  function_id text,
  deployment_id text,
  revision_id text,
  replica_id text,
  first_at timestamptz not null,
  last_at timestamptz not null,
  byte_count integer not null,
  lines jsonb not null,
  primary key (tenant_id, id, day)
) partition by range (day);
create index log_chunks_by_function on log_chunks (tenant_id, function_id, id);
create index log_chunks_by_deployment on log_chunks (tenant_id, deployment_id, id);

-- mib_ms: configured memory in MiB × billed milliseconds; 1 GB-second = 1,024,000 of it.
create table usage_hourly (
  tenant_id text not null,
  function_id text not null,
  hour timestamptz not null,
  invocations bigint not null default 0,
  errors bigint not null default 0,
  duration_ms bigint not null default 0,
  mib_ms bigint not null default 0,
  idle_mib_ms bigint not null default 0,
  response_bytes bigint not null default 0,
  build_ms bigint not null default 0,
  log_bytes bigint not null default 0,
  primary key (tenant_id, function_id, hour),
  foreign key (tenant_id, function_id) references functions (tenant_id, id) on delete cascade
);

-- Makes the day's partitions, or drops those before `keep_from`. Owner's rights, because only the owner may do so.
-- Days are UTC days, whatever the session's time zone. What exists is left alone without a lock. A day for which rows
-- came before its partition stays in the default one, rather than keep Wherry from starting.
create function ensure_partitions(day date) returns void language plpgsql security definer
  set search_path = public, pg_temp set timezone = 'UTC' as $$
declare base text; part text;
begin
  perform pg_advisory_xact_lock(hashtextextended('partitions', 0));
  foreach base in array array['receipts', 'log_chunks'] loop
    part := base || '_' || to_char(day, 'YYYYMMDD');
    continue when to_regclass(part) is not null;
    begin
      execute format('create table %I partition of %I for values from (%L) to (%L)', part, base, day, day + 1);
      execute format('alter table %I enable row level security', part);
      execute format('alter table %I force row level security', part);
    exception when check_violation then
      raise warning 'rows of % are in %_default already, and stay there', day, base;
    end;
  end loop;
end $$;
create function drop_partitions(base text, keep_from date) returns integer language plpgsql security definer
  set search_path = public, pg_temp set timezone = 'UTC' as $$
declare part record; dropped integer := 0;
begin
  if base not in ('receipts', 'log_chunks') then raise exception 'not a partitioned record table: %', base; end if;
  perform pg_advisory_xact_lock(hashtextextended('partitions', 0));
  for part in select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_class p on p.oid = i.inhparent
              where p.relname = base and c.relname ~ ('^' || base || '_[0-9]{8}$') loop
    if to_date(right(part.relname, 8), 'YYYYMMDD') < keep_from then
      execute format('drop table %I', part.relname);
      dropped := dropped + 1;
    end if;
  end loop;
  return dropped;
end $$;
revoke all on function ensure_partitions(date), drop_partitions(text, date) from public;
grant execute on function ensure_partitions(date), drop_partitions(text, date) to wherry_worker;
create table receipts_default partition of receipts default;
create table log_chunks_default partition of log_chunks default;

-- Row-level security ---------------------------------------------------------------------------------------------

alter table tenants enable row level security;
alter table tenants force row level security;
create policy own on tenants using (id = app_tenant()) with check (false);
create policy authentication on tenants for select to wherry_api, wherry_git using (app_scope() = 'authentication');
-- operator: the owner too. It makes the operator's own tenant, and is bound by the policies where it is no superuser.
create policy operator on tenants for select to wherry_api, current_user using (app_scope() = 'operator');
create policy routing on tenants for select to wherry_gateway using (app_scope() = 'routing');
create policy reconcile on tenants for select to wherry_controller using (app_scope() = 'reconcile');
create policy sweep on tenants for select to wherry_worker using (app_scope() = 'sweep');
create policy refs on tenants for select to wherry_git using (app_scope() = 'refs');
create policy operator_creates on tenants for insert to wherry_api, current_user with check (app_scope() = 'operator');

do $$
declare t text;
begin
  foreach t in array array['memberships', 'repositories', 'tokens', 'repository_refs', 'pushes', 'environments',
    'variables', 'secrets', 'functions', 'deployments', 'revisions', 'deployment_functions', 'releases', 'pins',
    'routes', 'replicas', 'activity', 'receipts', 'receipts_default', 'log_chunks', 'log_chunks_default', 'usage_hourly'] loop
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format('create policy own on %I using (tenant_id = app_tenant()) with check (tenant_id = app_tenant())', t);
  end loop;
end $$;

-- authentication: who is behind a token or a session.
create policy authentication on tokens for select to wherry_api, wherry_git using (app_scope() = 'authentication');
create policy authentication_use on tokens for update to wherry_api, wherry_git
  using (app_scope() = 'authentication') with check (app_scope() = 'authentication');
create policy authentication on memberships for select to wherry_api using (app_scope() = 'authentication');

-- operator: making a tenant with its first owner and environment.
create policy operator on memberships for insert to wherry_api with check (app_scope() = 'operator');
create policy operator on environments for insert to wherry_api with check (app_scope() = 'operator');

-- routing: what the gateways serve.
create policy routing on environments for select to wherry_gateway using (app_scope() = 'routing');
create policy routing on functions for select to wherry_gateway using (app_scope() = 'routing');
create policy routing on revisions for select to wherry_gateway using (app_scope() = 'routing');
create policy routing on routes for select to wherry_gateway using (app_scope() = 'routing');
create policy routing on replicas for select to wherry_gateway using (app_scope() = 'routing');

-- metering: receipts of many tenants in one segment, and what they add up to.
create policy metering on receipts to wherry_gateway using (app_scope() = 'metering') with check (app_scope() = 'metering');
create policy metering on usage_hourly to wherry_gateway using (app_scope() = 'metering') with check (app_scope() = 'metering');
create policy metering on activity to wherry_gateway using (app_scope() = 'metering') with check (app_scope() = 'metering');
-- What was removed meanwhile is left out, so that one late call cannot hold up the others.
create policy metering on functions for select to wherry_gateway using (app_scope() = 'metering');
create policy metering on revisions for select to wherry_gateway using (app_scope() = 'metering');

-- reconcile: all that should run, for the controller. It writes in tenant transactions.
create policy reconcile on environments for select to wherry_controller using (app_scope() = 'reconcile');
create policy reconcile on functions for select to wherry_controller using (app_scope() = 'reconcile');
create policy reconcile on revisions for select to wherry_controller using (app_scope() = 'reconcile');
create policy reconcile on deployments for select to wherry_controller using (app_scope() = 'reconcile');
create policy reconcile on deployment_functions for select to wherry_controller using (app_scope() = 'reconcile');
create policy reconcile on releases for select to wherry_controller using (app_scope() = 'reconcile');
create policy reconcile on routes for select to wherry_controller using (app_scope() = 'reconcile');
create policy reconcile on replicas for select to wherry_controller using (app_scope() = 'reconcile');
create policy reconcile on activity for select to wherry_controller using (app_scope() = 'reconcile');
create policy reconcile on secrets for select to wherry_controller using (app_scope() = 'reconcile');

-- sweep: unfinished work, for the worker. It acts in tenant transactions.
create policy sweep on deployments for select to wherry_worker using (app_scope() = 'sweep');
create policy sweep on releases for select to wherry_worker using (app_scope() = 'sweep');
create policy sweep on repositories for select to wherry_worker using (app_scope() = 'sweep');
create policy sweep on repository_refs for select to wherry_worker using (app_scope() = 'sweep');
create policy sweep on revisions for select to wherry_worker using (app_scope() = 'sweep');

-- refs: comparing bare repositories with the ledger, for git.
create policy refs on repositories for select to wherry_git using (app_scope() = 'refs');
create policy refs on repository_refs for select to wherry_git using (app_scope() = 'refs');
create policy refs on pushes for select to wherry_git using (app_scope() = 'refs');

-- Grants ---------------------------------------------------------------------------------------------------------

grant select, insert, update on users, login_links, sessions to wherry_api;
grant delete on login_links, sessions to wherry_api;
grant select on sealing_keys to wherry_api;
grant select, insert on tenants to wherry_api;
grant select, insert, update, delete on memberships, variables, pins to wherry_api;
grant select, insert on environments, releases to wherry_api;
grant select, insert on tokens to wherry_api;
grant update (last_used_at, revoked_at) on tokens to wherry_api;
grant select on repositories, repository_refs, pushes, functions, deployments, revisions, deployment_functions, routes,
  replicas, receipts, log_chunks, usage_hourly to wherry_api;
grant update (production_branch) on repositories to wherry_api;
grant update (cancel_requested_at) on deployments to wherry_api;
-- The api can write a sealed value and can never read one back.
grant select (tenant_id, environment_id, name, version, key_id, created_at, updated_at) on secrets to wherry_api;
grant insert, delete on secrets to wherry_api;
grant update (version, key_id, sealed, updated_at) on secrets to wherry_api;

grant select on tenants, environments, functions, revisions, routes, replicas, routing_version to wherry_gateway;
grant select, insert, update on gateways, activity, usage_hourly to wherry_gateway;
grant delete on gateways, activity to wherry_gateway;
grant select, insert on receipts, receipt_segments to wherry_gateway;

grant select on tenants, environments, functions, deployments, deployment_functions, releases, log_chunks to wherry_git;
grant select, update (last_used_at) on tokens to wherry_git;
grant select, insert, update on repositories, repository_refs, pushes to wherry_git;
grant delete on repository_refs to wherry_git;

grant select on tenants, environments, variables, repositories, repository_refs, pins, routes, replicas, gateways, routing_version,
  receipts to wherry_worker;
grant select (tenant_id, environment_id, name, version) on secrets to wherry_worker;
grant select, insert on tokens to wherry_worker;
grant delete on tokens to wherry_worker;
grant select, insert, update on functions, deployments, deployment_functions, releases, usage_hourly to wherry_worker;
grant select, insert, delete on revisions to wherry_worker;
grant select, insert on log_chunks to wherry_worker;

grant select on tenants, environments, functions, deployment_functions, revisions, activity, gateways, log_chunks to wherry_controller;
grant select on deployments, releases, secrets to wherry_controller;
grant update (status, reason, superseded_by, finished_at) on deployments to wherry_controller;
grant update (status, reason, routed_version, finished_at) on releases to wherry_controller;
grant update (removed_at) on functions to wherry_controller;
grant select, insert, update, delete on routes, replicas to wherry_controller;
grant select, update on routing_version to wherry_controller;
grant select, insert, update on sealing_keys, usage_hourly to wherry_controller;
grant insert on log_chunks to wherry_controller;
grant delete on activity, gateways to wherry_controller;

-- Notifications --------------------------------------------------------------------------------------------------
-- Payloads are ids only; the listener reads what changed. Channels and payloads: services/libs/contract/src/channels.ts.

create function notify_deployment() returns trigger language plpgsql as $$
begin
  perform pg_notify('wherry_deployment', new.tenant_id || '/' || new.id);
  return null;
end $$;
create trigger notify after insert or update of status, cancel_requested_at on deployments
  for each row execute function notify_deployment();

create function notify_deployment_part() returns trigger language plpgsql as $$
begin
  perform pg_notify('wherry_deployment', new.tenant_id || '/' || new.deployment_id);
  return null;
end $$;
create trigger notify after insert or update of status on deployment_functions
  for each row execute function notify_deployment_part();

create function notify_release() returns trigger language plpgsql as $$
begin
  perform pg_notify('wherry_release', new.tenant_id || '/' || new.id);
  return null;
end $$;
create trigger notify after insert or update of status on releases
  for each row execute function notify_release();

create function notify_log() returns trigger language plpgsql as $$
begin
  perform pg_notify('wherry_log', new.tenant_id || '/' || coalesce(new.deployment_id, '') || '/' || coalesce(new.function_id, ''));
  return null;
end $$;
create trigger notify after insert on log_chunks for each row execute function notify_log();

create function notify_route() returns trigger language plpgsql as $$
begin
  perform pg_notify('wherry_routing', 'route/' || coalesce(new.tenant_id, old.tenant_id) || '/' || coalesce(new.function_id, old.function_id));
  return null;
end $$;
create trigger notify after insert or update or delete on routes for each row execute function notify_route();

create function notify_replica() returns trigger language plpgsql as $$
begin
  perform pg_notify('wherry_routing', 'revision/' || coalesce(new.tenant_id, old.tenant_id) || '/' || coalesce(new.revision_id, old.revision_id));
  return null;
end $$;
create trigger notify after insert or update or delete on replicas for each row execute function notify_replica();

create function notify_secret() returns trigger language plpgsql as $$
begin
  perform pg_notify('wherry_secret', coalesce(new.tenant_id, old.tenant_id) || '/' || coalesce(new.environment_id, old.environment_id));
  return null;
end $$;
create trigger notify after insert or update or delete on secrets for each row execute function notify_secret();

create function notify_acknowledged() returns trigger language plpgsql as $$
begin
  perform pg_notify('wherry_acknowledged', new.id);
  return null;
end $$;
create trigger notify after update of acknowledged_version on gateways
  for each row when (new.acknowledged_version is distinct from old.acknowledged_version) execute function notify_acknowledged();
