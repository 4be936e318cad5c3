-- Why a deployment was skipped, where that matters later. A commit that was skipped for its author, for the checks of others or
-- for the title of its pull request is looked at again, because they may change without another commit. That there is
-- nothing to deploy is said once, however many commits follow.
alter table deployments add column skip_cause text
  check (skip_cause in ('outsider', 'checks', 'title', 'nothing there'));
