-- One database and one role per service; no role sees two. Safe to run again: it also sets
-- the passwords anew. Run by an administrator:
--   KAIGONG_PASSWORD_REPORTING=… (and so on) psql -v ON_ERROR_STOP=1 -f init.sql postgresql://…
\set QUIET on
\getenv project_registry KAIGONG_PASSWORD_PROJECT_REGISTRY
\getenv approval_tracking KAIGONG_PASSWORD_APPROVAL_TRACKING
\getenv proxy_log KAIGONG_PASSWORD_PROXY_LOG
\getenv warning_dispatch KAIGONG_PASSWORD_WARNING_DISPATCH
\getenv reporting KAIGONG_PASSWORD_REPORTING
\getenv identity KAIGONG_PASSWORD_IDENTITY

create temporary table wanted (service text, password text);
insert into wanted values
    ('project_registry', :'project_registry'),
    ('approval_tracking', :'approval_tracking'),
    ('proxy_log', :'proxy_log'),
    ('warning_dispatch', :'warning_dispatch'),
    ('reporting', :'reporting'),
    ('identity', :'identity');

select format('create role %I login', service) from wanted
where not exists (select from pg_roles where rolname = service) \gexec

select format('alter role %I password %L', service, password) from wanted \gexec

select format('create database %I owner %I template template0 encoding %L', service, service, 'UTF8')
from wanted where not exists (select from pg_database where datname = service) \gexec

-- PUBLIC may connect to a new database by default.
select format('revoke all on database %I from public', datname) from pg_database
where datname in (select service from wanted) or datname in ('postgres', 'template1') \gexec
