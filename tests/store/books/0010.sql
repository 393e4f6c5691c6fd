BEGIN TRANSACTION;
CREATE TABLE attempts (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	entry INTEGER NOT NULL, 
	asked_at BIGINT NOT NULL, 
	run BOOLEAN NOT NULL, 
	CONSTRAINT fk_attempts_entry FOREIGN KEY(entry) REFERENCES entries (number)
);
INSERT INTO "attempts" VALUES(1,1,1936812600123456,1);
INSERT INTO "attempts" VALUES(2,2,1936812600123456,1);
INSERT INTO "attempts" VALUES(3,3,1936812600123456,1);
INSERT INTO "attempts" VALUES(4,4,1936812600123456,1);
INSERT INTO "attempts" VALUES(5,5,1936812600123456,1);
CREATE TABLE decisions (
	event INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	heat TEXT NOT NULL, 
	command TEXT, 
	decision_json TEXT NOT NULL, 
	decided_at BIGINT NOT NULL, 
	CONSTRAINT pk_decisions PRIMARY KEY (event, number), 
	CONSTRAINT uq_decisions_event_command UNIQUE (event, command), 
	CONSTRAINT fk_decisions_event FOREIGN KEY(event) REFERENCES events (number)
);
INSERT INTO "decisions" VALUES(1,1,'qualifying-1',NULL,'{"number":1,"kind":"penalty","who":"Sam","why":"pushed car 2 off","epoch_ns":1936812600123456000,"heat":"qualifying-1","entry":"car-1","seconds":5.0,"lap":0,"valid":null,"incident":1,"target":0}',1936812600123456);
INSERT INTO "decisions" VALUES(1,2,'',NULL,'{"number":2,"kind":"undo","who":"Sam","why":"it was another car","epoch_ns":1936812600123456000,"heat":"","entry":"","seconds":null,"lap":0,"valid":null,"incident":0,"target":1}',1936812600123456);
CREATE TABLE deeds (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	at BIGINT NOT NULL, 
	who TEXT NOT NULL, 
	role TEXT NOT NULL, 
	token INTEGER, 
	what TEXT NOT NULL, 
	status INTEGER NOT NULL, 
	address TEXT NOT NULL, 
	about TEXT NOT NULL
);
CREATE TABLE deliveries (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	webhook INTEGER NOT NULL, 
	message VARCHAR(64) NOT NULL, 
	kind TEXT NOT NULL, 
	body TEXT NOT NULL, 
	attempts INTEGER NOT NULL, 
	next_at BIGINT, 
	delivered BOOLEAN NOT NULL, 
	problem TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	CONSTRAINT uq_deliveries_webhook_message UNIQUE (webhook, message), 
	CONSTRAINT fk_deliveries_webhook FOREIGN KEY(webhook) REFERENCES webhooks (number)
);
INSERT INTO "deliveries" VALUES(1,1,'msg_1','ping','{}',0,1795384033654830,0,'',1795384033654830);
CREATE TABLE entries (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	event INTEGER NOT NULL, 
	id TEXT NOT NULL, 
	listed BOOLEAN NOT NULL, 
	version INTEGER NOT NULL, 
	withdrawn_at BIGINT, 
	CONSTRAINT uq_entries_event_id UNIQUE (event, id), 
	CONSTRAINT fk_entries_event FOREIGN KEY(event) REFERENCES events (number)
);
INSERT INTO "entries" VALUES(1,1,'car-1',1,1,NULL);
INSERT INTO "entries" VALUES(2,1,'car-2',1,1,NULL);
INSERT INTO "entries" VALUES(3,1,'car-3',1,1,NULL);
INSERT INTO "entries" VALUES(4,1,'car-4',1,1,NULL);
INSERT INTO "entries" VALUES(5,2,'net',1,1,NULL);
CREATE TABLE entry_owners (
	entry INTEGER NOT NULL, 
	person INTEGER NOT NULL, 
	CONSTRAINT pk_entry_owners PRIMARY KEY (entry), 
	CONSTRAINT fk_entry_owners_entry FOREIGN KEY(entry) REFERENCES entries (number), 
	CONSTRAINT fk_entry_owners_person FOREIGN KEY(person) REFERENCES people (number)
);
CREATE TABLE "entry_versions" (
	entry INTEGER NOT NULL, 
	version INTEGER NOT NULL, 
	plan_json TEXT NOT NULL, 
	source TEXT NOT NULL, 
	hosted BOOLEAN NOT NULL, 
	model VARCHAR(64), 
	entered_at BIGINT NOT NULL, 
	accepted BOOLEAN DEFAULT 1 NOT NULL, 
	report_json TEXT, 
	CONSTRAINT pk_entry_versions PRIMARY KEY (entry, version), 
	CONSTRAINT fk_entry_versions_entry FOREIGN KEY(entry) REFERENCES entries (number), 
	CONSTRAINT fk_entry_versions_model FOREIGN KEY(model) REFERENCES models (sha256)
);
INSERT INTO "entry_versions" VALUES(1,1,'{"id":"car-1","name":"Car 1","agent":"pure-pursuit","kind":"scripted"}','pure-pursuit',1,NULL,1936812600123456,1,NULL);
INSERT INTO "entry_versions" VALUES(2,1,'{"id":"car-2","name":"Car 2","agent":"pure-pursuit","kind":"scripted"}','pure-pursuit',1,NULL,1936812600123456,1,NULL);
INSERT INTO "entry_versions" VALUES(3,1,'{"id":"car-3","name":"Car 3","agent":"pure-pursuit","kind":"scripted"}','pure-pursuit',1,NULL,1936812600123456,1,NULL);
INSERT INTO "entry_versions" VALUES(4,1,'{"id":"car-4","name":"Car 4","agent":"pure-pursuit","kind":"scripted"}','pure-pursuit',1,NULL,1936812600123456,1,NULL);
INSERT INTO "entry_versions" VALUES(5,1,'{"id":"net","name":"Net","agent":"net.onnx","kind":"onnx"}','net.onnx',1,'ff56f5fb1043e2bda231745f93e41fad3e6e91cc5de0618737991a9224f0a174',1936812600123456,1,NULL);
CREATE TABLE events (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	id TEXT NOT NULL, 
	plan_json TEXT NOT NULL, 
	autostart INTEGER, 
	open_entry BOOLEAN NOT NULL, 
	pace FLOAT, 
	status TEXT NOT NULL, 
	revision INTEGER NOT NULL, 
	created_at BIGINT NOT NULL, closes_at BIGINT, attempts INTEGER, attempts_a_day INTEGER, stays_open BOOLEAN DEFAULT 0 NOT NULL, 
	CONSTRAINT uq_events_id UNIQUE (id)
);
INSERT INTO "events" VALUES(1,'friday','{"id":"friday","name":"Friday night","circuit":"club-loop","format":"time-trial","car":"deepracer","seed":7,"rules":{"laps":3,"rank":"total","average_laps":3,"off_track_penalty_s":2.5,"collision_penalty_s":5.0,"immobilised_penalty_s":0.0,"reversed_penalty_s":null,"max_resets":null,"max_resets_per_lap":null,"immobilised_s":1.0,"reversed_s":1.0,"time_limit_s":180.0,"lap_may_finish":false,"min_lap_s":0.0,"sectors":3,"grid_gap_m":0.75,"control_hz":15,"clock":"lockstep","sensors":["state","pose"]},"grid_size":4}',4,0,NULL,'running',7,1936812600123456,1936900000000000,5,2,0);
INSERT INTO "events" VALUES(2,'saturday','{"id":"saturday","name":"Friday night","circuit":"club-loop","format":"time-trial","car":"deepracer","seed":7,"rules":{"laps":3,"rank":"total","average_laps":3,"off_track_penalty_s":2.5,"collision_penalty_s":5.0,"immobilised_penalty_s":0.0,"reversed_penalty_s":null,"max_resets":null,"max_resets_per_lap":null,"immobilised_s":1.0,"reversed_s":1.0,"time_limit_s":180.0,"lap_may_finish":false,"min_lap_s":0.0,"sectors":3,"grid_gap_m":0.75,"control_hz":15,"clock":"lockstep","sensors":["state","pose"]},"grid_size":4}',NULL,0,NULL,'open',2,1936812600123456,NULL,NULL,NULL,0);
CREATE TABLE facts (
	heat INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	tick INTEGER NOT NULL, 
	time_us BIGINT NOT NULL, 
	kind TEXT NOT NULL, 
	seat INTEGER NOT NULL, 
	data_json TEXT NOT NULL, 
	CONSTRAINT pk_facts PRIMARY KEY (heat, position), 
	CONSTRAINT fk_facts_heat FOREIGN KEY(heat) REFERENCES heats (number)
);
INSERT INTO "facts" VALUES(1,0,0,0,'lap',0,'{"lap":1,"time_us":9000000,"valid":true}');
INSERT INTO "facts" VALUES(1,1,1,66667,'lap',1,'{"lap":1,"time_us":9000000,"valid":true}');
INSERT INTO "facts" VALUES(1,2,2,133334,'lap',2,'{"lap":1,"time_us":9000000,"valid":true}');
INSERT INTO "facts" VALUES(1,3,3,200001,'lap',3,'{"lap":1,"time_us":9000000,"valid":true}');
INSERT INTO "facts" VALUES(1,4,4,266668,'lap',0,'{"lap":1,"time_us":9000000,"valid":true}');
INSERT INTO "facts" VALUES(1,5,5,333335,'lap',1,'{"lap":1,"time_us":9000000,"valid":true}');
INSERT INTO "facts" VALUES(1,6,6,400002,'lap',2,'{"lap":1,"time_us":9000000,"valid":true}');
INSERT INTO "facts" VALUES(1,7,7,466669,'lap',3,'{"lap":1,"time_us":9000000,"valid":true}');
INSERT INTO "facts" VALUES(1,8,8,533336,'lap',0,'{"lap":1,"time_us":9000000,"valid":true}');
INSERT INTO "facts" VALUES(1,9,9,600003,'lap',1,'{"lap":1,"time_us":9000000,"valid":true}');
INSERT INTO "facts" VALUES(1,10,10,666670,'lap',2,'{"lap":1,"time_us":9000000,"valid":true}');
INSERT INTO "facts" VALUES(1,11,11,733337,'lap',3,'{"lap":1,"time_us":9000000,"valid":true}');
CREATE TABLE heats (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	event INTEGER NOT NULL, 
	id TEXT NOT NULL, 
	plan_json TEXT NOT NULL, 
	status TEXT NOT NULL, 
	attempt INTEGER NOT NULL, 
	began_at BIGINT NOT NULL, 
	finished_at BIGINT, 
	reason TEXT NOT NULL, finished_in INTEGER, 
	CONSTRAINT uq_heats_event_id UNIQUE (event, id), 
	CONSTRAINT fk_heats_event FOREIGN KEY(event) REFERENCES events (number)
);
INSERT INTO "heats" VALUES(1,1,'qualifying-1','{"id":"qualifying-1","phase":"qualifying","circuit":"club-loop","car":"deepracer","rules":{"laps":3,"rank":"total","average_laps":3,"off_track_penalty_s":3.0,"collision_penalty_s":5.0,"immobilised_penalty_s":0.0,"reversed_penalty_s":null,"max_resets":null,"max_resets_per_lap":null,"immobilised_s":1.0,"reversed_s":1.0,"time_limit_s":180.0,"lap_may_finish":false,"min_lap_s":0.0,"sectors":3,"grid_gap_m":0.75,"control_hz":15,"clock":"lockstep","sensors":["state","pose"]},"seed":11,"grid":[{"id":"car-1","name":"Car 1","agent":"pure-pursuit","kind":"scripted"},{"id":"car-2","name":"Car 2","agent":"pure-pursuit","kind":"scripted"},{"id":"car-3","name":"Car 3","agent":"pure-pursuit","kind":"scripted"},{"id":"car-4","name":"Car 4","agent":"pure-pursuit","kind":"scripted"}]}','finished',1,1936812600123456,1936812600123456,'',NULL);
CREATE TABLE incidents (
	event INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	heat TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	incident_json TEXT NOT NULL, 
	filed_at BIGINT NOT NULL, 
	CONSTRAINT pk_incidents PRIMARY KEY (event, number), 
	CONSTRAINT uq_incidents_event_key UNIQUE (event, "key"), 
	CONSTRAINT fk_incidents_event FOREIGN KEY(event) REFERENCES events (number)
);
INSERT INTO "incidents" VALUES(1,1,'qualifying-1','qualifying-1/car-2/protest/0/car-1/car-2','{"number":1,"heat":"qualifying-1","kind":"protest","source":"car-2","entry":"car-1","other":"car-2","text":"pushed me off","tick":0,"time_us":0,"clip":null,"seen":{}}',1936812600123456);
CREATE TABLE invitations (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	sha256 VARCHAR(64) NOT NULL, 
	role TEXT NOT NULL, 
	name TEXT NOT NULL, 
	invited_by TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	expires_at BIGINT NOT NULL, 
	revoked_at BIGINT, 
	taken_at BIGINT, 
	taken_by INTEGER, 
	CONSTRAINT uq_invitations_sha256 UNIQUE (sha256), 
	CONSTRAINT fk_invitations_taken_by FOREIGN KEY(taken_by) REFERENCES people (number)
);
CREATE TABLE laps (
	heat INTEGER NOT NULL, 
	entry INTEGER NOT NULL, 
	lap INTEGER NOT NULL, 
	time_us BIGINT NOT NULL, 
	off_tracks INTEGER NOT NULL, 
	resets INTEGER NOT NULL, 
	collisions INTEGER NOT NULL, 
	valid BOOLEAN NOT NULL, 
	CONSTRAINT pk_laps PRIMARY KEY (heat, entry, lap), 
	CONSTRAINT fk_laps_heat FOREIGN KEY(heat) REFERENCES heats (number), 
	CONSTRAINT fk_laps_entry FOREIGN KEY(entry) REFERENCES entries (number)
);
INSERT INTO "laps" VALUES(1,1,1,9333333,0,0,0,1);
INSERT INTO "laps" VALUES(1,1,2,9333333,0,0,0,1);
INSERT INTO "laps" VALUES(1,1,3,9333333,0,0,0,1);
INSERT INTO "laps" VALUES(1,2,1,9666667,0,0,0,1);
INSERT INTO "laps" VALUES(1,2,2,9666667,0,0,0,1);
INSERT INTO "laps" VALUES(1,2,3,9666667,0,0,0,1);
INSERT INTO "laps" VALUES(1,3,1,10000000,0,0,0,1);
INSERT INTO "laps" VALUES(1,3,2,10000000,0,0,0,1);
INSERT INTO "laps" VALUES(1,3,3,10000000,0,0,0,1);
INSERT INTO "laps" VALUES(1,4,1,10333333,0,0,0,1);
INSERT INTO "laps" VALUES(1,4,2,10333333,0,0,0,1);
INSERT INTO "laps" VALUES(1,4,3,10333333,0,0,0,1);
CREATE TABLE league_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT league_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "league_version" VALUES('0010');
CREATE TABLE leases (
	event INTEGER NOT NULL, 
	token VARCHAR(32) NOT NULL, 
	owner TEXT NOT NULL, 
	url TEXT NOT NULL, 
	beat BIGINT NOT NULL, 
	taken_at BIGINT NOT NULL, 
	CONSTRAINT pk_leases PRIMARY KEY (event), 
	CONSTRAINT fk_leases_event FOREIGN KEY(event) REFERENCES events (number), 
	CONSTRAINT uq_leases_token UNIQUE (token)
);
INSERT INTO "leases" VALUES(1,'0123456789abcdef0123456789abcdef','club-pc (process 42)','http://club-pc:8490',7,1936812600123456);
CREATE TABLE models (
	sha256 VARCHAR(64) NOT NULL, 
	onnx BLOB NOT NULL, 
	metadata_json TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	CONSTRAINT pk_models PRIMARY KEY (sha256)
);
INSERT INTO "models" VALUES('ff56f5fb1043e2bda231745f93e41fad3e6e91cc5de0618737991a9224f0a174',X'6F6E6E78','{}',1936812600123456);
CREATE TABLE opinions (
	event INTEGER NOT NULL, 
	incident INTEGER NOT NULL, 
	adviser TEXT NOT NULL, 
	opinion_json TEXT NOT NULL, 
	given_at BIGINT NOT NULL, 
	CONSTRAINT pk_opinions PRIMARY KEY (event, incident, adviser), 
	CONSTRAINT fk_opinions_event_incident FOREIGN KEY(event, incident) REFERENCES incidents (event, number)
);
INSERT INTO "opinions" VALUES(1,1,'rule-book','{"adviser":"rule-book","advice":"penalty","seconds":5.0,"why":"so it is written","confidence":0.7}',1936812600123456);
CREATE TABLE people (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	name TEXT NOT NULL, 
	spoken TEXT, 
	role TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	removed_at BIGINT, 
	CONSTRAINT uq_people_spoken UNIQUE (spoken)
);
CREATE TABLE recordings (
	heat INTEGER NOT NULL, 
	content BLOB NOT NULL, 
	CONSTRAINT pk_recordings PRIMARY KEY (heat), 
	CONSTRAINT fk_recordings_heat FOREIGN KEY(heat) REFERENCES heats (number)
);
INSERT INTO "recordings" VALUES(1,X'000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F707172737475767778797A7B7C7D7E7F808182838485868788898A8B8C8D8E8F909192939495969798999A9B9C9D9E9FA0A1A2A3A4A5A6A7A8A9AAABACADAEAFB0B1B2B3B4B5B6B7B8B9BABBBCBDBEBFC0C1C2C3C4C5C6C7C8C9CACBCCCDCECFD0D1D2D3D4D5D6D7D8D9DADBDCDDDEDFE0E1E2E3E4E5E6E7E8E9EAEBECEDEEEFF0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF');
CREATE TABLE result_entries (
	heat INTEGER NOT NULL, 
	entry INTEGER NOT NULL, 
	version INTEGER NOT NULL, 
	place INTEGER NOT NULL, 
	status TEXT NOT NULL, 
	total_us BIGINT, 
	score_us BIGINT, 
	off_tracks INTEGER NOT NULL, 
	resets INTEGER NOT NULL, 
	collisions INTEGER NOT NULL, 
	progress_pct FLOAT NOT NULL, rank_key BIGINT, 
	CONSTRAINT pk_result_entries PRIMARY KEY (heat, entry), 
	CONSTRAINT fk_result_entries_heat FOREIGN KEY(heat) REFERENCES heats (number), 
	CONSTRAINT fk_result_entries_entry FOREIGN KEY(entry) REFERENCES entries (number)
);
INSERT INTO "result_entries" VALUES(1,1,1,1,'FIN',28000000,28000000,0,0,0,100.0,28000000);
INSERT INTO "result_entries" VALUES(1,2,1,2,'FIN',29000000,29000000,0,0,0,100.0,29000000);
INSERT INTO "result_entries" VALUES(1,3,1,3,'FIN',30000000,30000000,0,0,0,100.0,30000000);
INSERT INTO "result_entries" VALUES(1,4,1,4,'FIN',31000000,31000000,0,0,0,100.0,31000000);
CREATE TABLE results (
	heat INTEGER NOT NULL, 
	result_json TEXT NOT NULL, 
	circuit TEXT NOT NULL, 
	car TEXT NOT NULL, 
	behavior INTEGER NOT NULL, 
	state_hash TEXT NOT NULL, 
	CONSTRAINT pk_results PRIMARY KEY (heat), 
	CONSTRAINT fk_results_heat FOREIGN KEY(heat) REFERENCES heats (number)
);
INSERT INTO "results" VALUES(1,'{"heat":"qualifying-1","phase":"qualifying","circuit":{"id":"club-loop","length_m":12.0,"sha256":"abababababababababababababababababababababababababababababababab"},"car":"deepracer","laps":3,"rank":"total","seed":11,"behavior":1,"clock":"lockstep","entries":[{"place":1,"name":"Car 1","agent":"pure-pursuit","status":"FIN","entry_id":"car-1","reason":"","total_s":28.0,"gap_s":null,"score_s":28.0,"laps":[{"time_s":9.333333,"off_tracks":0,"resets":0,"collisions":0,"valid":true,"sectors_s":[3.1,2.9]},{"time_s":9.333333,"off_tracks":0,"resets":0,"collisions":0,"valid":true,"sectors_s":[3.1,2.9]},{"time_s":9.333333,"off_tracks":0,"resets":0,"collisions":0,"valid":true,"sectors_s":[3.1,2.9]}],"fastest_lap_s":null,"fastest_lap_off_tracks":0,"off_tracks":0,"resets":0,"collisions":0,"progress_pct":100.0,"attempts":1},{"place":2,"name":"Car 2","agent":"pure-pursuit","status":"FIN","entry_id":"car-2","reason":"","total_s":29.0,"gap_s":null,"score_s":29.0,"laps":[{"time_s":9.666667,"off_tracks":0,"resets":0,"collisions":0,"valid":true,"sectors_s":[3.1,2.9]},{"time_s":9.666667,"off_tracks":0,"resets":0,"collisions":0,"valid":true,"sectors_s":[3.1,2.9]},{"time_s":9.666667,"off_tracks":0,"resets":0,"collisions":0,"valid":true,"sectors_s":[3.1,2.9]}],"fastest_lap_s":null,"fastest_lap_off_tracks":0,"off_tracks":0,"resets":0,"collisions":0,"progress_pct":100.0,"attempts":1},{"place":3,"name":"Car 3","agent":"pure-pursuit","status":"FIN","entry_id":"car-3","reason":"","total_s":30.0,"gap_s":null,"score_s":30.0,"laps":[{"time_s":10.0,"off_tracks":0,"resets":0,"collisions":0,"valid":true,"sectors_s":[3.1,2.9]},{"time_s":10.0,"off_tracks":0,"resets":0,"collisions":0,"valid":true,"sectors_s":[3.1,2.9]},{"time_s":10.0,"off_tracks":0,"resets":0,"collisions":0,"valid":true,"sectors_s":[3.1,2.9]}],"fastest_lap_s":null,"fastest_lap_off_tracks":0,"off_tracks":0,"resets":0,"collisions":0,"progress_pct":100.0,"attempts":1},{"place":4,"name":"Car 4","agent":"pure-pursuit","status":"FIN","entry_id":"car-4","reason":"","total_s":31.0,"gap_s":null,"score_s":31.0,"laps":[{"time_s":10.333333,"off_tracks":0,"resets":0,"collisions":0,"valid":true,"sectors_s":[3.1,2.9]},{"time_s":10.333333,"off_tracks":0,"resets":0,"collisions":0,"valid":true,"sectors_s":[3.1,2.9]},{"time_s":10.333333,"off_tracks":0,"resets":0,"collisions":0,"valid":true,"sectors_s":[3.1,2.9]}],"fastest_lap_s":null,"fastest_lap_off_tracks":0,"off_tracks":0,"resets":0,"collisions":0,"progress_pct":100.0,"attempts":1}],"state_hash":"cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd","overruns":0}','club-loop','deepracer',1,'cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd');
CREATE TABLE season_events (
	season INTEGER NOT NULL, 
	event INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	CONSTRAINT pk_season_events PRIMARY KEY (season, event), 
	CONSTRAINT fk_season_events_season FOREIGN KEY(season) REFERENCES seasons (number), 
	CONSTRAINT fk_season_events_event FOREIGN KEY(event) REFERENCES events (number)
);
INSERT INTO "season_events" VALUES(1,1,1);
CREATE TABLE seasons (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	id TEXT NOT NULL, 
	plan_json TEXT NOT NULL, 
	revision INTEGER NOT NULL, 
	created_at BIGINT NOT NULL, 
	CONSTRAINT uq_seasons_id UNIQUE (id)
);
INSERT INTO "seasons" VALUES(1,'spring','{"name":"Spring"}',1,1936812600123456);
CREATE TABLE timing_notes (
	heat INTEGER NOT NULL, 
	attempt INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	device TEXT, 
	seq BIGINT, 
	command TEXT, 
	note_json TEXT NOT NULL, 
	written_at BIGINT NOT NULL, 
	CONSTRAINT pk_timing_notes PRIMARY KEY (heat, attempt, number), 
	CONSTRAINT uq_timing_notes_heat_attempt_device_seq UNIQUE (heat, attempt, device, seq), 
	CONSTRAINT uq_timing_notes_heat_attempt_command UNIQUE (heat, attempt, command), 
	CONSTRAINT fk_timing_notes_heat FOREIGN KEY(heat) REFERENCES heats (number)
);
INSERT INTO "timing_notes" VALUES(1,1,1,'gate',7,NULL,'{"number":1,"kind":"crossing","at_us":5000000,"entry":"","target":0,"point":"line","device":"gate","seq":7,"car":"","confidence":1.0,"who":"","why":"","epoch_ns":0}',1936812600123456);
CREATE TABLE tokens (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	sha256 VARCHAR(64) NOT NULL, 
	role TEXT NOT NULL, 
	name TEXT NOT NULL, 
	event INTEGER, 
	entry INTEGER, 
	created_at BIGINT NOT NULL, 
	last_used_at BIGINT, 
	revoked_at BIGINT, person INTEGER CONSTRAINT fk_tokens_person REFERENCES people (number), expires_at BIGINT, session_of INTEGER CONSTRAINT fk_tokens_session_of REFERENCES tokens (number), 
	CONSTRAINT uq_tokens_sha256 UNIQUE (sha256), 
	CONSTRAINT fk_tokens_event FOREIGN KEY(event) REFERENCES events (number), 
	CONSTRAINT fk_tokens_entry FOREIGN KEY(entry) REFERENCES entries (number)
);
INSERT INTO "tokens" VALUES(1,'e2ae6051d7db5e9ac039cc74b339cdd5c09829ba5179e5b90e11163803c9e89b','entry','Anna''s',1,1,1936812600123456,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE webhooks (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	url TEXT NOT NULL, 
	kinds TEXT NOT NULL, 
	event INTEGER, 
	secret TEXT NOT NULL, 
	created_at BIGINT NOT NULL, since_json TEXT, 
	CONSTRAINT fk_webhooks_event FOREIGN KEY(event) REFERENCES events (number)
);
INSERT INTO "webhooks" VALUES(1,'https://example.org/league','heat.finished',1,'whsec_c2VjcmV0',1795384033632315,NULL);
CREATE INDEX ix_results_circuit ON results (circuit);
CREATE INDEX ix_laps_entry ON laps (entry);
CREATE INDEX ix_tokens_event_entry ON tokens (event, entry);
CREATE INDEX ix_entry_owners_person ON entry_owners (person);
CREATE TRIGGER deeds_no_update BEFORE UPDATE ON deeds BEGIN SELECT RAISE(ABORT, 'lines of deeds are only ever added'); END;
CREATE TRIGGER deeds_no_delete BEFORE DELETE ON deeds BEGIN SELECT RAISE(ABORT, 'lines of deeds are only ever added'); END;
CREATE TRIGGER decisions_stay_update BEFORE UPDATE ON decisions BEGIN SELECT RAISE(ABORT, 'decisions are only ever added'); END;
CREATE TRIGGER decisions_stay_delete BEFORE DELETE ON decisions BEGIN SELECT RAISE(ABORT, 'decisions are only ever added'); END;
CREATE TRIGGER incidents_stay_update BEFORE UPDATE ON incidents BEGIN SELECT RAISE(ABORT, 'incidents are only ever added'); END;
CREATE TRIGGER incidents_stay_delete BEFORE DELETE ON incidents BEGIN SELECT RAISE(ABORT, 'incidents are only ever added'); END;
CREATE TRIGGER opinions_stay_update BEFORE UPDATE ON opinions BEGIN SELECT RAISE(ABORT, 'opinions are only ever added'); END;
CREATE TRIGGER opinions_stay_delete BEFORE DELETE ON opinions BEGIN SELECT RAISE(ABORT, 'opinions are only ever added'); END;
CREATE INDEX ix_season_events_event ON season_events (event);
CREATE INDEX ix_result_entries_entry_rank_key_heat ON result_entries (entry, rank_key, heat);
CREATE INDEX ix_deliveries_next_at ON deliveries (next_at);
CREATE INDEX ix_attempts_entry ON attempts (entry);
CREATE INDEX ix_heats_event_number_status ON heats (event, number, status);
CREATE INDEX ix_results_heat_state_hash ON results (heat, state_hash);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('events',2);
INSERT INTO "sqlite_sequence" VALUES('entries',5);
INSERT INTO "sqlite_sequence" VALUES('heats',2);
INSERT INTO "sqlite_sequence" VALUES('tokens',1);
INSERT INTO "sqlite_sequence" VALUES('seasons',1);
INSERT INTO "sqlite_sequence" VALUES('webhooks',1);
INSERT INTO "sqlite_sequence" VALUES('deliveries',1);
INSERT INTO "sqlite_sequence" VALUES('attempts',5);
COMMIT;
