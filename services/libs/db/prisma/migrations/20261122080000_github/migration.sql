-- GitHub as a source: the App, its installations, their webhooks, repositories, previews, and what was told to GitHub.
-- GitHub's own numeric ids are the identity of accounts, installations, repositories and people; names only show.

-- holder: the process that has the private half. What another process may never read is sealed to one of these.
alter table sealing_keys add column holder text not null default 'controller'
  check (holder in ('controller', 'worker', 'api'));
grant select, insert, update (retired_at) on sealing_keys to wherry_worker;
grant insert, update (retired_at) on sealing_keys to wherry_api;
-- Else whoever has taken over one process could have the next secrets of another sealed to a key of their own.
create function own_sealing_key() returns trigger language plpgsql as $$
begin
  if current_user in ('wherry_api', 'wherry_worker', 'wherry_controller') and current_user <> 'wherry_' || new.holder then
    raise exception '% registers no key of the %', current_user, new.holder using errcode = '42501';
  end if;
  return new;
end $$;
create trigger own_key before insert or update on sealing_keys for each row execute function own_sealing_key();

-- Without a tenant ------------------------------------------------------------------------------------------------

-- The App this platform is. One row; registering another App replaces it. deliveries_looked_at: deliveries that failed
-- until then were asked for again.
create table github_app (
  only_row boolean primary key default true check (only_row),
  app_id bigint not null,
  slug text not null,
  name text not null,
  client_id text not null,
  html_url text not null,
  owner_login text not null,
  is_public boolean not null default false,
  created_at timestamptz not null default now(),
  deliveries_looked_at timestamptz
);
-- A registration that an operator has begun: what comes back from GitHub has to bring its state, once, in that session.
create table github_registrations (
  state_hash bytea primary key,
  session_hash bytea not null references sessions (token_hash) on delete cascade,
  is_public boolean not null,
  expires_at timestamptz not null
);
grant select, insert, delete on github_registrations to wherry_api;
-- private_key is sealed to the worker, the others to the api. Two webhook secrets at once are a rotation.
create table github_credentials (
  kind text not null check (kind in ('private_key', 'webhook_secret', 'client_secret')),
  version integer not null,
  key_id text not null references sealing_keys (key_id),
  sealed bytea not null,
  created_at timestamptz not null default now(),
  retired_at timestamptz,
  primary key (kind, version)
);
grant select, insert, update, delete on github_app, github_credentials to wherry_api;
grant select on github_app, github_credentials to wherry_worker;
grant update (deliveries_looked_at) on github_app to wherry_worker;

alter table users add column github_id bigint unique, add column github_login text;
grant select on users to wherry_worker;

-- Tenants and people ----------------------------------------------------------------------------------------------

-- github_account_id: the organisation or person that this tenant is. github_member_role: what a member of the
-- organisation is who is in no team with a role of its own; null: nothing. suspended_by: what one of the two has stopped,
-- the other does not let go.
alter table tenants
  add column suspended_by text check (suspended_by in ('operator', 'github')),
  add column purged_at timestamptz,
  add column github_account_id bigint unique,
  add column github_account_type text check (github_account_type in ('Organization', 'User')),
  add column github_login text,
  add column github_member_role text check (github_member_role in ('developer', 'viewer', 'billing')) default 'viewer';
grant insert, update (name, github_login, github_account_type, suspended_at, suspended_by) on tenants to wherry_worker;
grant update (name, github_member_role, suspended_at, suspended_by, deleted_at, github_account_id, github_login)
  on tenants to wherry_api;

-- source: who made the membership, and so who takes it away again.
alter table memberships add column source text not null default 'manual' check (source in ('manual', 'github')),
  add column refreshed_at timestamptz;
grant select, insert, update, delete on memberships to wherry_worker;

-- The teams of an organisation as far as they are known, with the role that an owner gave each; null: none.
create table github_team_roles (
  tenant_id text not null references tenants (id),
  team_id bigint not null,
  team_slug text not null,
  role text check (role in ('owner', 'developer', 'viewer', 'billing')),
  primary key (tenant_id, team_id)
);

create table github_installations (
  tenant_id text not null references tenants (id),
  id bigint not null unique,
  account_id bigint not null,
  repository_selection text not null check (repository_selection in ('all', 'selected')),
  permissions jsonb not null default '{}',
  created_at timestamptz not null default now(),
  suspended_at timestamptz,
  deleted_at timestamptz,
  refreshed_at timestamptz,
  primary key (tenant_id, id)
);
create unique index github_installations_account on github_installations (account_id) where deleted_at is null;

-- Sources ---------------------------------------------------------------------------------------------------------

-- A repository on GitHub has github_id; name is what Wherry called it when it was connected and never changes, because
-- URLs hold it; full_name is GitHub's and does. look: what GitHub's list said of it when its heads were last compared, so
-- that they are compared again only when that changes. settings: RepositorySettings in services/libs/domain.
alter table repositories
  add column source text not null default 'builtin' check (source in ('builtin', 'github')),
  add column github_id bigint,
  add column installation_id bigint,
  add column full_name text,
  add column default_branch text,
  add column is_private boolean not null default true,
  add column is_archived boolean not null default false,
  add column disconnected_at timestamptz,
  add column disconnected_reason text,
  add column look text,
  add column looked_at timestamptz,
  add column settings jsonb not null default '{}',
  add constraint github_ids check ((source = 'github') = (github_id is not null and installation_id is not null and full_name is not null));
create unique index repositories_github on repositories (github_id) where disconnected_at is null;
create unique index repositories_github_in_tenant on repositories (tenant_id, github_id);

-- A preview belongs to a pull request or a branch of one repository and ends with it, or with its lease. label: its
-- host label, never issued to two at a time. opened_at: when it was made, or opened again after it was closed: what was
-- deployed before is gone.
alter table environments
  add column repository_id text,
  add column pull_request integer,
  add column branch text,
  add column label text,
  add column expires_at timestamptz,
  add column opened_at timestamptz,
  add column closed_at timestamptz,
  add column closed_reason text,
  add column password_hash text,
  add constraint preview_of check ((kind = 'preview') = (repository_id is not null and label is not null
    and (pull_request is null) <> (branch is null))),
  add constraint only_previews_close check (closed_at is null or kind = 'preview'),
  add foreign key (tenant_id, repository_id) references repositories (tenant_id, id);
create unique index environments_label on environments (label) where closed_at is null;
create unique index environments_pull_request on environments (tenant_id, repository_id, pull_request)
  where pull_request is not null;
create unique index environments_branch on environments (tenant_id, repository_id, branch) where branch is not null;

-- What is known of a pull request, so that a plan can tell whose code it is.
-- granted_sha: the commit that a maintainer's comment let run as trusted.
create table pull_requests (
  tenant_id text not null,
  repository_id text not null,
  number integer not null,
  title text not null,
  head_sha text not null,
  head_ref text not null,
  base_ref text not null,
  is_fork boolean not null,
  is_draft boolean not null,
  author_login text not null,
  author_id bigint not null,
  state text not null check (state in ('open', 'closed')),
  granted_sha text,
  granted_by text,
  updated_at timestamptz not null default now(),
  primary key (tenant_id, repository_id, number),
  foreign key (tenant_id, repository_id) references repositories (tenant_id, id) on delete cascade
);

-- Webhook deliveries as they came, raw. The tenant is found when one is handled, not before. body is dropped when a
-- delivery is too old to be asked for again.
create table github_deliveries (
  id text primary key,
  event text not null,
  action text,
  installation_id bigint,
  github_repository_id bigint,
  body bytea,
  received_at timestamptz not null default now(),
  status text not null default 'received' check (status in ('received', 'done', 'ignored', 'failed')),
  outcome text,
  attempts integer not null default 0,
  tenant_id text references tenants (id),
  repository_id text,
  handled_at timestamptz
);
create index github_deliveries_open on github_deliveries (received_at) where status = 'received';
create index github_deliveries_by_tenant on github_deliveries (tenant_id, received_at);

-- handler: the function's folder below the root directory, so that a line of its log can be found in the repository.
alter table deployment_functions add column handler text;

-- What GitHub was told of a deployment. told: the last words of each channel, so that only a change is told again.
-- lease_until: somebody tells it now, and nobody else does meanwhile: GitHub would make everything twice.
-- failing_since: the first of the failures in a row. A report that failed for a day is given up until there is news.
create table github_reports (
  tenant_id text not null,
  deployment_id text not null,
  check_run_id bigint,
  github_deployment_id bigint,
  told jsonb not null default '{}',
  is_settled boolean not null default false,
  lease_until timestamptz,
  failures integer not null default 0,
  failing_since timestamptz,
  next_try_at timestamptz not null default now(),
  last_error text,
  updated_at timestamptz not null default now(),
  primary key (tenant_id, deployment_id),
  foreign key (tenant_id, deployment_id) references deployments (tenant_id, id) on delete cascade
);
create index github_reports_open on github_reports (next_try_at) where not is_settled;
create index github_reports_live on github_reports (tenant_id, deployment_id) where told->>'phase' = 'live';
-- What the sweep compares with what was told.
create index deployments_live on deployments (tenant_id, id) where status = 'live';
create index deployments_finished on deployments (finished_at);
-- comment_id is null while the comment is being made.
create table github_comments (
  tenant_id text not null,
  repository_id text not null,
  pull_request integer not null,
  comment_id bigint,
  told text,
  lease_until timestamptz,
  updated_at timestamptz not null default now(),
  primary key (tenant_id, repository_id, pull_request),
  foreign key (tenant_id, repository_id) references repositories (tenant_id, id) on delete cascade
);

-- Who changed what. Rows are only ever added, until the tenant is gone; not even the owner of the tables changes one by
-- mistake.
-- target: what was changed, such as 'secret/API_KEY'. details hold no secret value.
create table audit_log (
  tenant_id text not null references tenants (id),
  id bigint generated always as identity,
  at timestamptz not null default clock_timestamp(),
  actor_kind text not null check (actor_kind in ('user', 'token', 'github', 'platform')),
  actor_id text,
  actor_name text not null,
  action text not null,
  target text not null,
  details jsonb not null default '{}',
  request_id text,
  primary key (tenant_id, id)
);
create index audit_log_by_time on audit_log (tenant_id, at);
create function refuse_change() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' and current_setting('app.purging', true) = 'yes' then return null; end if;
  raise exception 'rows of % are never changed or removed', tg_table_name;
end $$;
create trigger append_only before update or delete or truncate on audit_log for each statement execute function refuse_change();

-- Removes all rows of a deleted tenant as soon as nothing of it runs any more. Its id and slug stay, so that neither is
-- issued again. Owner's rights, because what nobody else may remove ends here. True: it is gone now. False: it is not
-- deleted, was gone before, or something of it still runs; so it may be asked at any time, and twice.
create function purge_tenant(gone text) returns boolean language plpgsql security definer
  set search_path = public, pg_temp as $$
declare t text;
begin
  perform set_config('app.tenant_id', gone, true);
  perform from tenants where id = gone and deleted_at is not null and purged_at is null for update;
  if not found or exists (select from replicas where tenant_id = gone)
    or exists (select from deployments where tenant_id = gone and status in ('queued', 'building', 'releasing')) then
    return false;
  end if;
  perform set_config('app.purging', 'yes', true);
  foreach t in array array['github_reports', 'github_comments', 'pull_requests', 'github_deliveries', 'routes', 'pins',
    'releases', 'deployment_functions', 'activity', 'receipts', 'log_chunks', 'usage_hourly', 'build_daemons', 'revisions',
    'deployments', 'functions', 'secrets', 'variables', 'environments', 'pushes', 'repository_refs', 'tokens',
    'repositories', 'github_team_roles', 'github_installations', 'memberships', 'audit_log'] loop
    execute format('delete from %I where tenant_id = $1', t) using gone;
  end loop;
  perform set_config('app.purging', '', true);
  update tenants set name = slug, purged_at = now() where id = gone;
  return true;
end $$;
revoke all on function purge_tenant(text) from public;
grant execute on function purge_tenant(text) to wherry_worker;
create policy purge on tenants for update to current_user using (id = app_tenant()) with check (id = app_tenant());

-- Row-level security ----------------------------------------------------------------------------------------------

do $$
declare t text;
begin
  foreach t in array array['github_team_roles', 'github_installations', 'pull_requests', 'github_deliveries',
    'github_reports', 'github_comments', 'audit_log'] loop
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format('create policy own on %I using (tenant_id = app_tenant()) with check (tenant_id = app_tenant())', t);
  end loop;
end $$;

-- intake: the api stores what came before anybody knows whose it is.
create policy intake on github_deliveries to wherry_api using (app_scope() = 'intake') with check (app_scope() = 'intake');

-- github: the worker finds out whose a delivery is, and makes tenants of installations. All else it does as a tenant.
create policy github on github_deliveries to wherry_worker using (app_scope() = 'github') with check (app_scope() = 'github');
create policy github on github_installations for select to wherry_worker using (app_scope() = 'github');
create policy github on repositories for select to wherry_worker using (app_scope() = 'github');
create policy github on tenants for select to wherry_worker using (app_scope() = 'github');
create policy github_creates on tenants for insert to wherry_worker with check (app_scope() = 'github');
create policy github_creates on environments for insert to wherry_worker with check (app_scope() = 'github');
create policy github on github_reports for select to wherry_worker using (app_scope() = 'github');
create policy github on environments for select to wherry_worker using (app_scope() = 'github');
create policy github on deployments for select to wherry_worker using (app_scope() = 'github');
-- An owner sets what members of the organisation become.
create policy own_updates on tenants for update to wherry_api using (id = app_tenant()) with check (id = app_tenant());
-- The worker sets suspended_at and the names of a tenant that it acts for.
create policy github_updates on tenants for update to wherry_worker
  using (id = app_tenant()) with check (id = app_tenant());

-- login: the api, after GitHub said who somebody is, finds the tenants of their organisations and keeps memberships.
create policy login on tenants for select to wherry_api using (app_scope() = 'login');
create policy login on github_team_roles for select to wherry_api using (app_scope() = 'login');
create policy login_learns on github_team_roles for insert to wherry_api with check (app_scope() = 'login' and role is null);
create policy login_renames on github_team_roles for update to wherry_api
  using (app_scope() = 'login') with check (app_scope() = 'login');
create policy login on audit_log for insert to wherry_api with check (app_scope() = 'login');
create policy login on memberships to wherry_api using (app_scope() = 'login') with check (app_scope() = 'login');

-- operator: suspending and ending tenants, and the log of it.
create policy operator_updates on tenants for update to wherry_api
  using (app_scope() = 'operator') with check (app_scope() = 'operator');
create policy operator on audit_log for insert to wherry_api with check (app_scope() = 'operator');
create policy operator on github_deliveries for select to wherry_api using (app_scope() = 'operator');

-- Grants ----------------------------------------------------------------------------------------------------------

grant select, insert, update, delete on github_team_roles to wherry_api;
grant select on github_installations, pull_requests, github_reports to wherry_api;
-- Sooner, because an owner changed what teams give.
grant update (refreshed_at) on github_installations to wherry_api;
grant select, insert on github_deliveries, audit_log to wherry_api;
grant update (status, outcome, attempts, handled_at) on github_deliveries to wherry_api;
grant update (settings) on repositories to wherry_api;
grant update (expires_at, closed_at, closed_reason, password_hash) on environments to wherry_api;

grant select, insert, update, delete on github_installations, pull_requests, github_reports, github_comments to wherry_worker;
grant select, update, delete on github_deliveries to wherry_worker;
grant select, insert, update (team_slug), delete on github_team_roles to wherry_worker;
grant select, insert on audit_log to wherry_worker;
grant insert, update on repositories, environments to wherry_worker;
grant insert, update, delete on repository_refs to wherry_worker;
grant select, delete on pins to wherry_worker;
grant update (github_login) on users to wherry_worker;

-- The end of a preview: the controller takes away what ran in it, its secrets and its variables.
create policy reconcile on variables for select to wherry_controller using (app_scope() = 'reconcile');
grant select (tenant_id, environment_id, kind, name) on variables to wherry_controller;
grant delete on secrets, variables to wherry_controller;
grant select, delete on pins to wherry_controller;
-- Never written: without such a right no row can be locked, and who opens a preview again must wait for its end.
grant update (closed_reason) on environments to wherry_controller;
grant update (cancel_requested_at) on deployments to wherry_controller;
-- Whether the previews of a repository are given the secrets of production is in its settings.
create policy reconcile on repositories for select to wherry_controller using (app_scope() = 'reconcile');
grant select (tenant_id, id, settings) on repositories to wherry_controller;
-- What is left of a closed preview goes when it is past its time.
grant delete on functions, environments to wherry_worker;

-- Notifications ---------------------------------------------------------------------------------------------------

-- Payload: the delivery's id. Jobs come with it too; this is for whoever shows deliveries.
create function notify_preview() returns trigger language plpgsql as $$
begin
  perform pg_notify('wherry_routing', 'environment/' || new.tenant_id || '/' || new.id);
  -- Also for the controller, which would hear too much on the channel of the gateways.
  perform pg_notify('wherry_environment', new.tenant_id || '/' || new.id);
  return null;
end $$;
create trigger notify after update of closed_at, label, password_hash on environments
  for each row execute function notify_preview();
