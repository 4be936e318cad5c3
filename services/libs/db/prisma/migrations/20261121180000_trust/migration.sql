-- untrusted: code of people who may not write to the repository. It never shares a cache, an image path or a namespace
-- with trusted code of the same tenant.
alter table deployments add column trust text not null default 'trusted' check (trust in ('trusted', 'untrusted'));
alter table revisions add column trust text not null default 'trusted' check (trust in ('trusted', 'untrusted'));
