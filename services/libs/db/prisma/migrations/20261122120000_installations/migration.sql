-- app_id: the App that an installation is of. Another App, registered in its place, does not see it, and that says nothing
-- about it. attempted_at: when it was last begun, whatever came of it, so that one that fails makes room for the others.
alter table github_installations add column app_id bigint, add column attempted_at timestamptz;
-- Whoever owns the tables may be bound by row-level security as well.
alter table github_installations no force row level security;
update github_installations set app_id = (select app_id from github_app);
alter table github_installations force row level security;
alter table github_deliveries add column attempted_at timestamptz;
