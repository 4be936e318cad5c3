-- Why a deployment was skipped, where that matters later. A commit that was skipped for its author, for the checks of others or
-- for the title of its pull request is looked at again, because they may change without another commit. That there is
-- nothing to deploy is said once, however many commits follow. GitHub counts a skipped check as passed, so it is told another
-- conclusion of code of people who may not write to the repository: somebody has to let it run first.
alter table deployments add column skip_cause text
  check (skip_cause in ('outsider', 'checks', 'title', 'nothing there'));
