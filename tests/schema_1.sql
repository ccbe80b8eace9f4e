-- A database of schema 1, made by the release that had it: its tables, and the rows of a small story in it.
-- Written for PostgreSQL; tests/test_migrate.py puts SQLite's own type names into it.

CREATE TABLE "counter" ("name" TEXT NOT NULL PRIMARY KEY, "value" BIGINT NOT NULL);
CREATE TABLE "cursor" ("account" TEXT NOT NULL, "folder" TEXT NOT NULL, "uidvalidity" BIGINT NOT NULL, "uid" BIGINT NOT NULL, PRIMARY KEY ("account", "folder"));
CREATE TABLE "delivery" ("id" BIGSERIAL NOT NULL PRIMARY KEY, "outgoing" BIGINT NOT NULL, "person" BIGINT NOT NULL, "state" TEXT NOT NULL, "rank" SMALLINT NOT NULL, "role" BOOLEAN NOT NULL, "holder" TEXT NOT NULL, "leased_until" BIGINT NOT NULL, "attempts" SMALLINT NOT NULL, "ambiguous" SMALLINT NOT NULL, "retry_at" BIGINT NOT NULL, "reply" TEXT NOT NULL, "ended_at" BIGINT);
CREATE UNIQUE INDEX "delivery_outgoing_person" ON "delivery" ("outgoing", "person");
CREATE TABLE "event" ("id" BIGSERIAL NOT NULL PRIMARY KEY, "issue" BIGINT NOT NULL, "type" TEXT NOT NULL, "at" BIGINT NOT NULL, "author" TEXT NOT NULL, "level" TEXT NOT NULL, "rule" TEXT NOT NULL, "raw" BIGINT, "decision" TEXT NOT NULL, "body" TEXT NOT NULL);
CREATE INDEX "event_issue" ON "event" ("issue");
CREATE TABLE "inbox" ("id" BIGSERIAL NOT NULL PRIMARY KEY, "raw" BIGINT NOT NULL, "source" TEXT NOT NULL, "state" TEXT NOT NULL, "lane" TEXT NOT NULL, "holder" TEXT NOT NULL, "leased_until" BIGINT NOT NULL, "attempts" SMALLINT NOT NULL, "received_at" BIGINT NOT NULL, "done_at" BIGINT, "reason" TEXT NOT NULL, "issue" BIGINT, "message_id" TEXT NOT NULL);
CREATE INDEX "inbox_state_id" ON "inbox" ("state", "id");
CREATE TABLE "issue" ("number" BIGINT NOT NULL PRIMARY KEY, "state" TEXT NOT NULL, "priority" SMALLINT, "reporter" TEXT NOT NULL, "body" TEXT NOT NULL);
CREATE INDEX "issue_state" ON "issue" ("state");
CREATE INDEX "issue_reporter" ON "issue" ("reporter");
CREATE TABLE "meta" ("key" TEXT NOT NULL PRIMARY KEY, "value" TEXT NOT NULL);
CREATE TABLE "notice" ("cause" TEXT NOT NULL PRIMARY KEY, "at" BIGINT NOT NULL);
CREATE TABLE "outgoing" ("id" BIGSERIAL NOT NULL PRIMARY KEY, "issue" BIGINT NOT NULL, "template" TEXT NOT NULL, "subject" TEXT NOT NULL, "text" TEXT NOT NULL, "head" BYTEA NOT NULL, "body" BYTEA NOT NULL, "detail" TEXT NOT NULL, "null_sender" BOOLEAN NOT NULL, "broadcast" BOOLEAN NOT NULL, "automatic" BOOLEAN NOT NULL, "rank" SMALLINT NOT NULL, "day" INTEGER NOT NULL, "key" TEXT NOT NULL, "created_at" BIGINT NOT NULL, "expand_after" BIGINT, "format" SMALLINT NOT NULL);
CREATE INDEX "outgoing_issue" ON "outgoing" ("issue");
CREATE INDEX "outgoing_expand_after" ON "outgoing" ("expand_after");
CREATE TABLE "pending" ("id" BIGSERIAL NOT NULL PRIMARY KEY, "secret" TEXT NOT NULL, "address" TEXT NOT NULL, "body" TEXT NOT NULL, "asked_at" BIGINT NOT NULL, "expires_at" BIGINT NOT NULL, "used_at" BIGINT);
CREATE UNIQUE INDEX "pending_secret" ON "pending" ("secret");
CREATE INDEX "pending_address" ON "pending" ("address");
CREATE TABLE "person" ("id" BIGSERIAL NOT NULL PRIMARY KEY, "address" TEXT NOT NULL, "name" TEXT NOT NULL, "subscribed_at" BIGINT, "is_group" BOOLEAN NOT NULL);
CREATE UNIQUE INDEX "person_address" ON "person" ("address");
CREATE INDEX "person_subscribed_at" ON "person" ("subscribed_at");
CREATE TABLE "raw" ("id" BIGSERIAL NOT NULL PRIMARY KEY, "body" BYTEA NOT NULL, "size" INTEGER NOT NULL);
CREATE TABLE "seen" ("key" TEXT NOT NULL PRIMARY KEY, "inbox" BIGINT NOT NULL, "at" BIGINT NOT NULL);
CREATE TABLE "thread" ("message_id" TEXT NOT NULL PRIMARY KEY, "issue" BIGINT NOT NULL);
CREATE TABLE "timer" ("issue" BIGINT NOT NULL, "name" TEXT NOT NULL, "due" BIGINT NOT NULL, "rank" SMALLINT NOT NULL, PRIMARY KEY ("issue", "name"));
CREATE INDEX "timer_due" ON "timer" ("due");
CREATE INDEX inbox_waiting ON inbox (id) WHERE state = 'received';
CREATE INDEX delivery_waiting ON delivery (rank, id) WHERE state IN ('queued', 'deferred');
CREATE INDEX delivery_person ON delivery (person);
CREATE INDEX delivery_sending ON delivery (id) WHERE state = 'sending';

INSERT INTO "counter" VALUES
('issue', 3);
INSERT INTO "cursor" VALUES
('issues@imap.acme.example', 'INBOX', 7, 42);
INSERT INTO "delivery" VALUES
(1, 1, 5, 'sent', 0, TRUE, '', 0, 1, 0, 0, '250 ok', 1795424580000000),
(2, 2, 4, 'deferred', 0, TRUE, '', 0, 1, 0, 1795424640000000, '451 later', NULL),
(3, 3, 4, 'sending', 0, TRUE, 'main', 1795425780000000, 1, 0, 0, '', NULL),
(4, 4, 4, 'sending', 0, TRUE, 'main', 1795425780000000, 1, 0, 0, '', NULL),
(5, 4, 5, 'queued', 0, TRUE, '', 0, 0, 0, 0, '', NULL),
(6, 5, 5, 'queued', 2, TRUE, '', 0, 0, 0, 0, '', NULL),
(7, 4, 1, 'queued', 0, FALSE, '', 0, 0, 0, 0, '', NULL),
(8, 4, 2, 'queued', 0, FALSE, '', 0, 0, 0, 0, '', NULL),
(9, 4, 3, 'queued', 0, FALSE, '', 0, 0, 0, 0, '', NULL),
(10, 6, 4, 'queued', 0, TRUE, '', 0, 0, 0, 0, '', NULL),
(11, 6, 5, 'queued', 0, TRUE, '', 0, 0, 0, 0, '', NULL);
INSERT INTO "event" VALUES
(1, 1, 'ReportFiled', 1795424400000000, 'bob@acme.example', 'E0', 'none-fresh', 1, 'd1', '{"f":1,"t":"ReportFiled","issue":1,"at":"2026-11-23T09:00:00+00:00","by":"bob@acme.example","headline":"Website is down","answers":{"what":"It shows a 502.","expected":"Up.","see":"open it","affected":"All, no workaround."},"reported":"P0","unverified":true,"mail":1}'),
(2, 1, 'TriagerAsked', 1795424400000000, '', 'E0', 'none-fresh', 1, 'd1', '{"f":1,"t":"TriagerAsked","issue":1,"at":"2026-11-23T09:00:00+00:00","by":"","triager":"sara@acme.example"}'),
(3, 1, 'PriorityDecided', 1795424520000000, 'sara@acme.example', 'E2', 'token', NULL, 'd2', '{"f":1,"t":"PriorityDecided","issue":1,"at":"2026-11-23T09:02:00+00:00","by":"sara@acme.example","before":"P0","after":"P0"}'),
(4, 1, 'IssueAnnounced', 1795424520000000, '', 'E2', 'token', NULL, 'd2', '{"f":1,"t":"IssueAnnounced","issue":1,"at":"2026-11-23T09:02:00+00:00","by":"","next_update_at":"2026-11-23T09:32:00+00:00"}'),
(5, 1, 'UpdateSent', 1795424580000000, 'sara@acme.example', 'E2', 'token', NULL, 'd3', '{"f":1,"t":"UpdateSent","issue":1,"at":"2026-11-23T09:03:00+00:00","by":"sara@acme.example","text":"We restart the balancer.","next_update_at":"2026-11-23T09:33:00+00:00"}'),
(6, 2, 'ReportFiled', 1795424580000000, 'bob@acme.example', 'E0', 'none-fresh', 2, 'd4', '{"f":1,"t":"ReportFiled","issue":2,"at":"2026-11-23T09:03:00+00:00","by":"bob@acme.example","headline":"Rechnungen","answers":{"what":"Die Größe der Rechnungen ist falsch."},"reported":"P3","unverified":true,"mail":2}'),
(7, 1, 'UpdateSent', 1795424580000000, 'sara@acme.example', 'E2', 'token', NULL, 'd5', '{"f":1,"t":"UpdateSent","issue":1,"at":"2026-11-23T09:03:00+00:00","by":"sara@acme.example","text":"It is back for most.","next_update_at":"2026-11-23T09:33:00+00:00"}'),
(8, 3, 'ReportFiled', 1795424580000000, 'bob@acme.example', 'E0', 'none-fresh', 5, 'd6', '{"f":1,"t":"ReportFiled","issue":3,"at":"2026-11-23T09:03:00+00:00","by":"bob@acme.example","headline":"Old thing","answers":{"what":"an old thing","expected":"new","see":"see","affected":"one"},"reported":"P2","unverified":true,"mail":5}'),
(9, 3, 'TriagerAsked', 1795424580000000, '', 'E0', 'none-fresh', 5, 'd6', '{"f":1,"t":"TriagerAsked","issue":3,"at":"2026-11-23T09:03:00+00:00","by":"","triager":"sara@acme.example"}'),
(10, 3, 'IssueDeclined', 1795424580000000, 'sara@acme.example', 'E2', 'token', NULL, 'd7', '{"f":1,"t":"IssueDeclined","issue":3,"at":"2026-11-23T09:03:00+00:00","by":"sara@acme.example","reason":"too old"}');
INSERT INTO "inbox" VALUES
(1, 1, 'import', 'done', '', '', 0, 1, 1795424400000000, 1795424400000000, 'FileReport', 1, '<1@x.example>'),
(2, 2, 'imap', 'done', '', '', 0, 1, 1795424580000000, 1795424580000000, 'FileReport', 2, '<2@x.example>'),
(3, 3, 'deliver', 'done', '', '', 0, 1, 1795424580000000, 1795424580000000, 'Subscribe', NULL, '<3@x.example>'),
(4, 4, 'imap', 'held', '', '', 0, 1, 1795424580000000, 1795424580000000, 'not-admitted: eve@evil.example', NULL, '<4@x.example>'),
(5, 5, 'imap', 'done', '', '', 0, 1, 1795424580000000, 1795424580000000, 'FileReport', 3, '<5@x.example>');
INSERT INTO "issue" VALUES
(1, 'open', 0, 'bob@acme.example', '{"f":1,"t":"Issue","number":1,"reporter":"bob@acme.example","headline":"Website is down","opened_at":"2026-11-23T09:00:00+00:00","state":"open","answers":{"what":"It shows a 502.","expected":"Up.","see":"open it","affected":"All, no workaround."},"reported":"P0","priority":"P0","mails":[1],"touched_at":"2026-11-23T09:00:00+00:00","triager":"sara@acme.example","asked_at":"2026-11-23T09:00:00+00:00","decided_by":"sara@acme.example","decided_at":"2026-11-23T09:02:00+00:00","announced_at":"2026-11-23T09:02:00+00:00","last_update":"It is back for most.","last_update_at":"2026-11-23T09:03:00+00:00","last_update_by":"sara@acme.example","next_update_at":"2026-11-23T09:33:00+00:00"}'),
(2, 'draft', 3, 'bob@acme.example', '{"f":1,"t":"Issue","number":2,"reporter":"bob@acme.example","headline":"Rechnungen","opened_at":"2026-11-23T09:03:00+00:00","answers":{"what":"Die Größe der Rechnungen ist falsch."},"reported":"P3","unverified":true,"mails":[2],"touched_at":"2026-11-23T09:03:00+00:00"}'),
(3, 'declined', NULL, 'bob@acme.example', '{"f":1,"t":"Issue","number":3,"reporter":"bob@acme.example","headline":"Old thing","opened_at":"2026-11-23T09:03:00+00:00","state":"declined","answers":{"what":"an old thing","expected":"new","see":"see","affected":"one"},"reported":"P2","unverified":true,"mails":[5],"touched_at":"2026-11-23T09:03:00+00:00","triager":"sara@acme.example","asked_at":"2026-11-23T09:03:00+00:00","decided_by":"sara@acme.example","reason":"too old","ended_at":"2026-11-23T09:03:00+00:00"}');
INSERT INTO "meta" VALUES
('schema', '1');
INSERT INTO "notice" VALUES
('held:not-admitted', 1795424580000000),
('held:odd', 1795424580000000);
INSERT INTO "outgoing" VALUES
(1, 1, 'triage', '[#1] Website is down', 'the text', CAST('head' AS BYTEA), CAST('body' AS BYTEA), '', FALSE, FALSE, FALSE, 0, 20870, 'a', 1795424400000000, NULL, 1),
(2, 1, 'received', '[#1] Website is down', 'the text', CAST('head' AS BYTEA), CAST('body' AS BYTEA), '', TRUE, FALSE, FALSE, 0, 20870, 'a', 1795424400000000, NULL, 1),
(3, 1, 'decided', '[#1] Website is down', 'the text', CAST('head' AS BYTEA), CAST('body' AS BYTEA), '', FALSE, FALSE, FALSE, 0, 20870, 'a', 1795424520000000, NULL, 1),
(4, 1, 'broadcast-new', 'PRIORITY 0 ISSUE: WEBSITE IS DOWN', 'the text', CAST('head' AS BYTEA), CAST('body' AS BYTEA), '', FALSE, TRUE, FALSE, 0, 20870, 'a', 1795424520000000, NULL, 1),
(5, 1, 'receipt', '[#1] Website is down', 'the text', CAST('head' AS BYTEA), CAST('body' AS BYTEA), '', FALSE, FALSE, FALSE, 2, 20870, 'a', 1795424520000000, NULL, 1),
(6, 1, 'broadcast-update', 'PRIORITY 0 ISSUE UPDATE: WEBSITE IS DOWN', 'the text', CAST('head' AS BYTEA), CAST('body' AS BYTEA), '', FALSE, TRUE, FALSE, 0, 20870, 'a', 1795424580000000, 0, 1),
(7, 1, 'receipt', '[#1] Website is down', 'the text', CAST('head' AS BYTEA), CAST('body' AS BYTEA), '', FALSE, FALSE, FALSE, 2, 20870, 'a', 1795424580000000, NULL, 1),
(8, 2, 'missing', '[#2] Rechnungen', 'the text', CAST('head' AS BYTEA), CAST('body' AS BYTEA), '', TRUE, FALSE, FALSE, 2, 20870, 'a', 1795424580000000, NULL, 1),
(9, 0, 'confirm', 'Please confirm', 'the text', CAST('head' AS BYTEA), CAST('body' AS BYTEA), 'c-bdvav73iayn2yzkx344h6yzkym', TRUE, FALSE, FALSE, 2, 20870, 'a', 1795424580000000, NULL, 1),
(10, 0, 'held', 'Held: hello', 'the text', CAST('head' AS BYTEA), CAST('body' AS BYTEA), '', FALSE, FALSE, FALSE, 1, 20870, 'a', 1795424580000000, NULL, 1),
(11, 1, 'broadcast-update', 'PRIORITY 0 ISSUE UPDATE: WEBSITE IS DOWN', 'the text', CAST('head' AS BYTEA), CAST('body' AS BYTEA), '', FALSE, TRUE, FALSE, 0, 20870, 'a', 1795424580000000, 0, 1);
INSERT INTO "pending" VALUES
(1, '58c794a07afc7eee02d07cb2c718e1256662159fb2c186c868775ead9917c852', 'kim@acme.example', '{"f":1,"t":"Pending","intents":[{"t":"Subscribe","by":"kim@acme.example","evidence":{"t":"Evidence","level":"E0","rule":"none-fresh","text":"no token of ours"},"mail":3}],"address":"kim@acme.example","expires_at":"2026-11-26T09:03:00+00:00"}', 1795424580000000, 1795683780000000, NULL);
INSERT INTO "person" VALUES
(1, 'lena@acme.example', '', 1795424400000000, FALSE),
(2, 'tom@acme.example', '', 1795424400000000, FALSE),
(3, 'all@lists.acme.example', '', 1795424400000000, TRUE),
(4, 'bob@acme.example', '', NULL, FALSE),
(5, 'sara@acme.example', '', NULL, FALSE),
(6, 'kim@acme.example', '', NULL, FALSE),
(7, 'ops@acme.example', '', NULL, FALSE);
INSERT INTO "raw" VALUES
(1, CAST('mail 1' AS BYTEA), 273),
(2, CAST('mail 2' AS BYTEA), 233),
(3, CAST('mail 3' AS BYTEA), 189),
(4, CAST('mail 4' AS BYTEA), 197),
(5, CAST('mail 5' AS BYTEA), 262);
INSERT INTO "seen" VALUES
('f5fb60b3e99d5fe61e42336b7c919f9859f196ca4bca60934e5fcbe8311f9db2', 1, 1795424400000000),
('faefae2530879b86eb334239118b41a96bb8f5ad4071e2f32bc5abe3f6409674', 2, 1795424580000000),
('f82f9408adc605507086abb44dfcdfa0f96ee2fc7a171ab1032f8473333b655f', 3, 1795424580000000),
('38c2f4c973ee36ace91f38581a8a3f1099d27b549f654678c0b33bafb185cdac', 4, 1795424580000000),
('b34158ea62d4680aa9d47a8b03ac7aa47891388292f82bdbdb902f432366c04f', 5, 1795424580000000);
INSERT INTO "thread" VALUES
('<1@x.example>', 1),
('<2@x.example>', 2),
('<5@x.example>', 3);
INSERT INTO "timer" VALUES
(1, 'update', 1795426380000000, 0),
(1, 'update-reminder', 1795426080000000, 0),
(2, 'lapse', 1796634180000000, 2),
(2, 'remind', 1795438980000000, 2);
