-- first_layout.sql - a history as the first agent wrote it: three intervals of the small cluster (tests/fake/small_cluster.h), one
-- minute apart from 2026-11-21 10:30:00 UTC on, as `sqlite3 history.db .dump` prints it. Never changed: files like it are out there.
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA application_id = 1836150888;
PRAGMA user_version = 1;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE intervals (
  time INTEGER PRIMARY KEY,
  keyframe INTEGER NOT NULL,
  complete INTEGER NOT NULL,
  interval_ms INTEGER NOT NULL,
  duration_ms REAL NOT NULL,
  entities INTEGER NOT NULL,
  written INTEGER NOT NULL,
  run INTEGER NOT NULL
);
INSERT INTO intervals VALUES(1795257000,1795257000,1,60000,0.0,15,15,1);
INSERT INTO intervals VALUES(1795257060,1795257000,0,60000,0.0,15,3,1);
INSERT INTO intervals VALUES(1795257120,1795257000,1,60000,0.0,15,3,1);
CREATE TABLE runs (
  run INTEGER PRIMARY KEY,
  start_time INTEGER NOT NULL,
  end_time INTEGER,
  reason TEXT NOT NULL,
  version TEXT NOT NULL,
  config_hash TEXT NOT NULL
);
INSERT INTO runs VALUES(1,1795472290,1795472291,'run','0.0.1','0');
CREATE TABLE gaps (
  start_time INTEGER PRIMARY KEY,
  end_time INTEGER NOT NULL,
  missing INTEGER NOT NULL,
  reason TEXT NOT NULL
);
CREATE TABLE notes (
  time INTEGER NOT NULL,
  text TEXT NOT NULL
);
CREATE TABLE boots (
  time INTEGER NOT NULL,
  source TEXT NOT NULL,
  system TEXT NOT NULL,
  cluster TEXT NOT NULL,
  broker TEXT NOT NULL,
  broker_id TEXT NOT NULL,
  address TEXT NOT NULL,
  boot_timestamp INTEGER NOT NULL,
  PRIMARY KEY (time, source, system, cluster, broker, broker_id, address)
) WITHOUT ROWID;
INSERT INTO boots VALUES(1795257000,'prod','rocketmq','c1','broker-a','0','10.0.0.1:10911',1795167006000);
INSERT INTO boots VALUES(1795257000,'prod','rocketmq','c1','broker-b','0','10.0.0.2:10911',1795167006000);
CREATE TABLE groups_names (
  id INTEGER PRIMARY KEY,
  source TEXT NOT NULL,
  system TEXT NOT NULL,
  cluster TEXT NOT NULL,
  consumer_group TEXT NOT NULL,
  model TEXT NOT NULL,
  type TEXT NOT NULL,
  first_time INTEGER NOT NULL,
  gone_time INTEGER,
  UNIQUE (consumer_group, model, type, source, system, cluster)
);
INSERT INTO groups_names VALUES(1,'prod','rocketmq','c1','billing','clustering','push',1795257000,NULL);
INSERT INTO groups_names VALUES(2,'prod','rocketmq','c1','orders','clustering','push',1795257000,NULL);
INSERT INTO groups_names VALUES(3,'prod','rocketmq','c1','订单','clustering','push',1795257000,NULL);
INSERT INTO groups_names VALUES(4,'prod','rocketmq','c1','bad[31m|name','clustering','push',1795257000,NULL);
CREATE TABLE groups_data (
  time INTEGER NOT NULL,
  id INTEGER NOT NULL,
  until INTEGER,
  members INTEGER,
  lag INTEGER,
  retry_lag INTEGER,
  dlq INTEGER,
  lag_seconds REAL,
  verdict INTEGER,
  complete INTEGER,
  PRIMARY KEY (time, id)
) WITHOUT ROWID;
INSERT INTO groups_data VALUES(1795257000,1,NULL,2,0,0,0,NULL,NULL,1);
INSERT INTO groups_data VALUES(1795257000,2,1795257060,3,5000,345,2,NULL,NULL,1);
INSERT INTO groups_data VALUES(1795257000,3,NULL,NULL,1200,0,0,NULL,NULL,1);
INSERT INTO groups_data VALUES(1795257000,4,NULL,0,7,0,0,NULL,NULL,1);
INSERT INTO groups_data VALUES(1795257060,2,NULL,3,12345,345,2,NULL,NULL,0);
INSERT INTO groups_data VALUES(1795257120,2,NULL,3,5000,345,2,NULL,NULL,1);
CREATE TABLE backlogs_names (
  id INTEGER PRIMARY KEY,
  source TEXT NOT NULL,
  system TEXT NOT NULL,
  cluster TEXT NOT NULL,
  consumer_group TEXT NOT NULL,
  topic TEXT NOT NULL,
  kind TEXT NOT NULL,
  first_time INTEGER NOT NULL,
  gone_time INTEGER,
  UNIQUE (consumer_group, topic, kind, source, system, cluster)
);
INSERT INTO backlogs_names VALUES(1,'prod','rocketmq','c1','orders','orders-new','normal',1795257000,NULL);
INSERT INTO backlogs_names VALUES(2,'prod','rocketmq','c1','orders','%RETRY%orders','retry',1795257000,NULL);
INSERT INTO backlogs_names VALUES(3,'prod','rocketmq','c1','billing','bills','normal',1795257000,NULL);
INSERT INTO backlogs_names VALUES(4,'prod','rocketmq','c1','订单','orders-new','normal',1795257000,NULL);
CREATE TABLE backlogs_data (
  time INTEGER NOT NULL,
  id INTEGER NOT NULL,
  until INTEGER,
  lag INTEGER,
  diff INTEGER,
  inflight INTEGER,
  lost INTEGER,
  lag_seconds REAL,
  out_rate REAL,
  out_bytes_rate REAL,
  send_back INTEGER,
  drain_seconds REAL,
  verdict INTEGER,
  complete INTEGER,
  PRIMARY KEY (time, id)
) WITHOUT ROWID;
INSERT INTO backlogs_data VALUES(1795257000,1,NULL,12000,12000,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1);
INSERT INTO backlogs_data VALUES(1795257000,2,NULL,345,345,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1);
INSERT INTO backlogs_data VALUES(1795257000,3,NULL,0,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1);
INSERT INTO backlogs_data VALUES(1795257000,4,NULL,1200,1200,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1);
CREATE TABLE topics_names (
  id INTEGER PRIMARY KEY,
  source TEXT NOT NULL,
  system TEXT NOT NULL,
  cluster TEXT NOT NULL,
  broker TEXT NOT NULL,
  topic TEXT NOT NULL,
  kind TEXT NOT NULL,
  first_time INTEGER NOT NULL,
  gone_time INTEGER,
  UNIQUE (topic, broker, kind, source, system, cluster)
);
INSERT INTO topics_names VALUES(1,'prod','rocketmq','c1','broker-a','orders-new','normal',1795257000,NULL);
CREATE TABLE topics_data (
  time INTEGER NOT NULL,
  id INTEGER NOT NULL,
  until INTEGER,
  queues INTEGER,
  min_offset INTEGER,
  max_offset INTEGER,
  stored INTEGER,
  in_rate REAL,
  in_bytes_rate REAL,
  last_stored_at REAL,
  PRIMARY KEY (time, id)
) WITHOUT ROWID;
INSERT INTO topics_data VALUES(1795257000,1,NULL,NULL,NULL,NULL,12000,NULL,NULL,NULL);
CREATE TABLE queues_names (
  id INTEGER PRIMARY KEY,
  source TEXT NOT NULL,
  system TEXT NOT NULL,
  cluster TEXT NOT NULL,
  consumer_group TEXT NOT NULL,
  topic TEXT NOT NULL,
  broker TEXT NOT NULL,
  queue TEXT NOT NULL,
  client TEXT NOT NULL,
  first_time INTEGER NOT NULL,
  gone_time INTEGER,
  UNIQUE (consumer_group, topic, broker, queue, client, source, system, cluster)
);
INSERT INTO queues_names VALUES(1,'prod','rocketmq','c1','orders','orders-new','broker-a','10','',1795257000,NULL);
INSERT INTO queues_names VALUES(2,'prod','rocketmq','c1','orders','orders-new','broker-a','2','',1795257000,NULL);
CREATE TABLE queues_data (
  time INTEGER NOT NULL,
  id INTEGER NOT NULL,
  until INTEGER,
  min_offset INTEGER,
  max_offset INTEGER,
  consumer_offset INTEGER,
  lag INTEGER,
  inflight INTEGER,
  last_consumed_at REAL,
  PRIMARY KEY (time, id)
) WITHOUT ROWID;
INSERT INTO queues_data VALUES(1795257000,1,NULL,NULL,9007199254740993,9007199254734993,6000,NULL,1795257000.1249999999);
INSERT INTO queues_data VALUES(1795257000,2,NULL,NULL,6000,0,6000,NULL,1795257000.1249999999);
CREATE TABLE clients_names (
  id INTEGER PRIMARY KEY,
  source TEXT NOT NULL,
  system TEXT NOT NULL,
  cluster TEXT NOT NULL,
  consumer_group TEXT NOT NULL,
  client TEXT NOT NULL,
  ip TEXT NOT NULL,
  pid TEXT NOT NULL,
  version TEXT NOT NULL,
  language TEXT NOT NULL,
  first_time INTEGER NOT NULL,
  gone_time INTEGER,
  UNIQUE (consumer_group, client, ip, pid, version, language, source, system, cluster)
);
CREATE TABLE clients_data (
  time INTEGER NOT NULL,
  id INTEGER NOT NULL,
  until INTEGER,
  queues INTEGER,
  lag INTEGER,
  consume_rt_ms REAL,
  ok_rate REAL,
  failed_rate REAL,
  pull_rt_ms REAL,
  pull_rate REAL,
  PRIMARY KEY (time, id)
) WITHOUT ROWID;
CREATE TABLE producers_names (
  id INTEGER PRIMARY KEY,
  source TEXT NOT NULL,
  system TEXT NOT NULL,
  cluster TEXT NOT NULL,
  producer_group TEXT NOT NULL,
  broker TEXT NOT NULL,
  first_time INTEGER NOT NULL,
  gone_time INTEGER,
  UNIQUE (producer_group, broker, source, system, cluster)
);
CREATE TABLE producers_data (
  time INTEGER NOT NULL,
  id INTEGER NOT NULL,
  until INTEGER,
  clients INTEGER,
  PRIMARY KEY (time, id)
) WITHOUT ROWID;
CREATE TABLE brokers_names (
  id INTEGER PRIMARY KEY,
  source TEXT NOT NULL,
  system TEXT NOT NULL,
  cluster TEXT NOT NULL,
  broker TEXT NOT NULL,
  broker_id TEXT NOT NULL,
  address TEXT NOT NULL,
  version TEXT NOT NULL,
  first_time INTEGER NOT NULL,
  gone_time INTEGER,
  UNIQUE (broker, broker_id, address, version, source, system, cluster)
);
INSERT INTO brokers_names VALUES(1,'prod','rocketmq','c1','broker-a','0','10.0.0.1:10911','',1795257000,NULL);
INSERT INTO brokers_names VALUES(2,'prod','rocketmq','c1','broker-b','0','10.0.0.2:10911','',1795257000,NULL);
CREATE TABLE brokers_data (
  time INTEGER NOT NULL,
  id INTEGER NOT NULL,
  until INTEGER,
  up INTEGER,
  boot_timestamp INTEGER,
  start_accept_send_request_time_stamp INTEGER,
  broker_active INTEGER,
  put_message_times_total INTEGER,
  put_message_failed_times INTEGER,
  put_message_size_total INTEGER,
  put_message_average_size REAL,
  put_message_entire_time_max INTEGER,
  put_message_distribute_time_0ms INTEGER,
  put_message_distribute_time_0to10ms INTEGER,
  put_message_distribute_time_10to50ms INTEGER,
  put_message_distribute_time_50to100ms INTEGER,
  put_message_distribute_time_100to200ms INTEGER,
  put_message_distribute_time_200to500ms INTEGER,
  put_message_distribute_time_500msto1s INTEGER,
  put_message_distribute_time_1to2s INTEGER,
  put_message_distribute_time_2to3s INTEGER,
  put_message_distribute_time_3to4s INTEGER,
  put_message_distribute_time_4to5s INTEGER,
  put_message_distribute_time_5to10s INTEGER,
  put_message_distribute_time_10stomore INTEGER,
  put_latency_99 REAL,
  put_latency_999 REAL,
  get_message_entire_time_max INTEGER,
  dispatch_max_buffer INTEGER,
  put_tps_10 REAL,
  put_tps_60 REAL,
  put_tps_600 REAL,
  get_found_tps_10 REAL,
  get_found_tps_60 REAL,
  get_found_tps_600 REAL,
  get_miss_tps_10 REAL,
  get_miss_tps_60 REAL,
  get_miss_tps_600 REAL,
  get_transferred_tps_10 REAL,
  get_transferred_tps_60 REAL,
  get_transferred_tps_600 REAL,
  get_total_tps_10 REAL,
  get_total_tps_60 REAL,
  get_total_tps_600 REAL,
  msg_put_total_yesterday_morning INTEGER,
  msg_put_total_today_morning INTEGER,
  msg_put_total_today_now INTEGER,
  msg_get_total_yesterday_morning INTEGER,
  msg_get_total_today_morning INTEGER,
  msg_get_total_today_now INTEGER,
  send_thread_pool_queue_size INTEGER,
  send_thread_pool_queue_capacity INTEGER,
  send_thread_pool_queue_head_wait_time_mills INTEGER,
  pull_thread_pool_queue_size INTEGER,
  pull_thread_pool_queue_capacity INTEGER,
  pull_thread_pool_queue_head_wait_time_mills INTEGER,
  query_thread_pool_queue_size INTEGER,
  query_thread_pool_queue_capacity INTEGER,
  query_thread_pool_queue_head_wait_time_mills INTEGER,
  lite_pull_thread_pool_queue_size INTEGER,
  lite_pull_thread_pool_queue_capacity INTEGER,
  lite_pull_thread_pool_queue_head_wait_time_mills INTEGER,
  ack_thread_pool_queue_size INTEGER,
  ack_thread_pool_queue_capacity INTEGER,
  ack_thread_pool_queue_head_wait_time_mills INTEGER,
  end_transaction_queue_size INTEGER,
  end_transaction_thread_pool_queue_capacity INTEGER,
  page_cache_lock_time_mills INTEGER,
  dispatch_behind_bytes INTEGER,
  earliest_message_time_stamp INTEGER,
  commit_log_min_offset INTEGER,
  commit_log_max_offset INTEGER,
  commit_log_disk_ratio REAL,
  consume_queue_disk_ratio REAL,
  commit_log_dir_capacity_total INTEGER,
  commit_log_dir_capacity_free INTEGER,
  remain_transient_store_buffer_numbs INTEGER,
  remain_how_many_data_to_commit INTEGER,
  remain_how_many_data_to_flush INTEGER,
  timer_read_behind INTEGER,
  timer_offset_behind INTEGER,
  timer_congest_num INTEGER,
  timer_enqueue_tps REAL,
  timer_dequeue_tps REAL,
  PRIMARY KEY (time, id)
) WITHOUT ROWID;
INSERT INTO brokers_data VALUES(1795257000,1,NULL,1,1795167006000,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,12345.677999999999883,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0.25,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO brokers_data VALUES(1795257000,2,1795257060,1,1795167006000,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,12345.677999999999883,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0.25,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO brokers_data VALUES(1795257060,2,NULL,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO brokers_data VALUES(1795257120,2,NULL,1,1795167006000,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,12345.677999999999883,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0.25,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE scrapes_names (
  id INTEGER PRIMARY KEY,
  source TEXT NOT NULL,
  system TEXT NOT NULL,
  cluster TEXT NOT NULL,
  target TEXT NOT NULL,
  kind TEXT NOT NULL,
  first_time INTEGER NOT NULL,
  gone_time INTEGER,
  UNIQUE (target, kind, source, system, cluster)
);
INSERT INTO scrapes_names VALUES(1,'prod','rocketmq','c1','10.0.0.1:10911','broker',1795257000,NULL);
INSERT INTO scrapes_names VALUES(2,'prod','rocketmq','c1','10.0.0.2:10911','broker',1795257000,NULL);
CREATE TABLE scrapes_data (
  time INTEGER NOT NULL,
  id INTEGER NOT NULL,
  until INTEGER,
  ok INTEGER,
  requests INTEGER,
  failed INTEGER,
  bytes INTEGER,
  duration_ms REAL,
  error TEXT,
  PRIMARY KEY (time, id)
) WITHOUT ROWID;
INSERT INTO scrapes_data VALUES(1795257000,1,NULL,1,23,NULL,123456,12.5,NULL);
INSERT INTO scrapes_data VALUES(1795257000,2,1795257060,1,23,NULL,123456,12.5,NULL);
INSERT INTO scrapes_data VALUES(1795257060,2,NULL,0,23,NULL,123456,12.5,'timeout');
INSERT INTO scrapes_data VALUES(1795257120,2,NULL,1,23,NULL,123456,12.5,NULL);
CREATE TABLE agent_names (
  id INTEGER PRIMARY KEY,
  source TEXT NOT NULL,
  system TEXT NOT NULL,
  cluster TEXT NOT NULL,
  part TEXT NOT NULL,
  first_time INTEGER NOT NULL,
  gone_time INTEGER,
  UNIQUE (part, source, system, cluster)
);
CREATE TABLE agent_data (
  time INTEGER NOT NULL,
  id INTEGER NOT NULL,
  until INTEGER,
  up INTEGER,
  interval_seconds REAL,
  last_timestamp_seconds REAL,
  duration_seconds REAL,
  complete INTEGER,
  received_bytes_total INTEGER,
  series INTEGER,
  delivered_total INTEGER,
  retried_total INTEGER,
  rejected_total INTEGER,
  dropped_total INTEGER,
  delay_seconds REAL,
  missed_ticks_total INTEGER,
  resident_bytes INTEGER,
  cpu_seconds_total REAL,
  PRIMARY KEY (time, id)
) WITHOUT ROWID;
CREATE TABLE groups_hour_data (
  time INTEGER NOT NULL,
  id INTEGER NOT NULL,
  intervals INTEGER NOT NULL,
  members_min INTEGER,
  members_max INTEGER,
  members_avg REAL,
  members_last INTEGER,
  lag_min INTEGER,
  lag_max INTEGER,
  lag_avg REAL,
  lag_last INTEGER,
  retry_lag_min INTEGER,
  retry_lag_max INTEGER,
  retry_lag_avg REAL,
  retry_lag_last INTEGER,
  lag_seconds_min REAL,
  lag_seconds_max REAL,
  lag_seconds_avg REAL,
  lag_seconds_last REAL,
  PRIMARY KEY (time, id)
) WITHOUT ROWID;
CREATE TABLE groups_day_data (
  time INTEGER NOT NULL,
  id INTEGER NOT NULL,
  intervals INTEGER NOT NULL,
  members_min INTEGER,
  members_max INTEGER,
  members_avg REAL,
  members_last INTEGER,
  lag_min INTEGER,
  lag_max INTEGER,
  lag_avg REAL,
  lag_last INTEGER,
  retry_lag_min INTEGER,
  retry_lag_max INTEGER,
  retry_lag_avg REAL,
  retry_lag_last INTEGER,
  lag_seconds_min REAL,
  lag_seconds_max REAL,
  lag_seconds_avg REAL,
  lag_seconds_last REAL,
  PRIMARY KEY (time, id)
) WITHOUT ROWID;
CREATE TABLE backlogs_hour_data (
  time INTEGER NOT NULL,
  id INTEGER NOT NULL,
  intervals INTEGER NOT NULL,
  lag_min INTEGER,
  lag_max INTEGER,
  lag_avg REAL,
  lag_last INTEGER,
  inflight_min INTEGER,
  inflight_max INTEGER,
  inflight_avg REAL,
  inflight_last INTEGER,
  lag_seconds_min REAL,
  lag_seconds_max REAL,
  lag_seconds_avg REAL,
  lag_seconds_last REAL,
  out_rate_min REAL,
  out_rate_max REAL,
  out_rate_avg REAL,
  out_rate_last REAL,
  PRIMARY KEY (time, id)
) WITHOUT ROWID;
CREATE TABLE backlogs_day_data (
  time INTEGER NOT NULL,
  id INTEGER NOT NULL,
  intervals INTEGER NOT NULL,
  lag_min INTEGER,
  lag_max INTEGER,
  lag_avg REAL,
  lag_last INTEGER,
  inflight_min INTEGER,
  inflight_max INTEGER,
  inflight_avg REAL,
  inflight_last INTEGER,
  lag_seconds_min REAL,
  lag_seconds_max REAL,
  lag_seconds_avg REAL,
  lag_seconds_last REAL,
  out_rate_min REAL,
  out_rate_max REAL,
  out_rate_avg REAL,
  out_rate_last REAL,
  PRIMARY KEY (time, id)
) WITHOUT ROWID;
CREATE TABLE topics_hour_data (
  time INTEGER NOT NULL,
  id INTEGER NOT NULL,
  intervals INTEGER NOT NULL,
  stored_min INTEGER,
  stored_max INTEGER,
  stored_avg REAL,
  stored_last INTEGER,
  in_rate_min REAL,
  in_rate_max REAL,
  in_rate_avg REAL,
  in_rate_last REAL,
  in_bytes_rate_min REAL,
  in_bytes_rate_max REAL,
  in_bytes_rate_avg REAL,
  in_bytes_rate_last REAL,
  PRIMARY KEY (time, id)
) WITHOUT ROWID;
CREATE TABLE topics_day_data (
  time INTEGER NOT NULL,
  id INTEGER NOT NULL,
  intervals INTEGER NOT NULL,
  stored_min INTEGER,
  stored_max INTEGER,
  stored_avg REAL,
  stored_last INTEGER,
  in_rate_min REAL,
  in_rate_max REAL,
  in_rate_avg REAL,
  in_rate_last REAL,
  in_bytes_rate_min REAL,
  in_bytes_rate_max REAL,
  in_bytes_rate_avg REAL,
  in_bytes_rate_last REAL,
  PRIMARY KEY (time, id)
) WITHOUT ROWID;
CREATE INDEX notes_time ON notes (time);
CREATE INDEX backlogs_names_topic ON backlogs_names (topic);
CREATE INDEX queues_names_topic ON queues_names (topic);
CREATE VIEW groups AS
SELECT i.time AS time, n.source, n.system, n.cluster, n.consumer_group, n.model, n.type, d.members, d.lag, d.retry_lag, d.dlq, d.lag_seconds, d.verdict, d.complete
FROM intervals AS i CROSS JOIN groups_names AS n CROSS JOIN groups_data AS d
ON d.id = n.id AND d.time = coalesce(
  (SELECT k.time FROM groups_data AS k
   WHERE k.time = i.keyframe AND k.id = n.id AND (k.until IS NULL OR k.until > i.time)),
  (SELECT j.time FROM intervals AS j CROSS JOIN groups_data AS c ON c.time = j.time AND c.id = n.id
   WHERE j.time BETWEEN i.keyframe AND i.time AND j.keyframe = i.keyframe ORDER BY j.time DESC LIMIT 1))
WHERE n.first_time <= i.time AND (n.gone_time IS NULL OR n.gone_time > i.time)
  AND (d.until IS NULL OR d.until > i.time);
CREATE VIEW groups_now AS
SELECT * FROM groups WHERE time = (SELECT max(time) FROM intervals);
CREATE VIEW groups_changes AS
SELECT d.time AS time, n.source, n.system, n.cluster, n.consumer_group, n.model, n.type, d.members, d.lag, d.retry_lag, d.dlq, d.lag_seconds, d.verdict, d.complete
FROM groups_data AS d CROSS JOIN groups_names AS n ON n.id = d.id;
CREATE VIEW backlogs AS
SELECT i.time AS time, n.source, n.system, n.cluster, n.consumer_group, n.topic, n.kind, d.lag, d.diff, d.inflight, d.lost, d.lag_seconds, d.out_rate, d.out_bytes_rate, d.send_back, d.drain_seconds, d.verdict, d.complete
FROM intervals AS i CROSS JOIN backlogs_names AS n CROSS JOIN backlogs_data AS d
ON d.id = n.id AND d.time = coalesce(
  (SELECT k.time FROM backlogs_data AS k
   WHERE k.time = i.keyframe AND k.id = n.id AND (k.until IS NULL OR k.until > i.time)),
  (SELECT j.time FROM intervals AS j CROSS JOIN backlogs_data AS c ON c.time = j.time AND c.id = n.id
   WHERE j.time BETWEEN i.keyframe AND i.time AND j.keyframe = i.keyframe ORDER BY j.time DESC LIMIT 1))
WHERE n.first_time <= i.time AND (n.gone_time IS NULL OR n.gone_time > i.time)
  AND (d.until IS NULL OR d.until > i.time);
CREATE VIEW backlogs_now AS
SELECT * FROM backlogs WHERE time = (SELECT max(time) FROM intervals);
CREATE VIEW backlogs_changes AS
SELECT d.time AS time, n.source, n.system, n.cluster, n.consumer_group, n.topic, n.kind, d.lag, d.diff, d.inflight, d.lost, d.lag_seconds, d.out_rate, d.out_bytes_rate, d.send_back, d.drain_seconds, d.verdict, d.complete
FROM backlogs_data AS d CROSS JOIN backlogs_names AS n ON n.id = d.id;
CREATE VIEW topics AS
SELECT i.time AS time, n.source, n.system, n.cluster, n.broker, n.topic, n.kind, d.queues, d.min_offset, d.max_offset, d.stored, d.in_rate, d.in_bytes_rate, d.last_stored_at
FROM intervals AS i CROSS JOIN topics_names AS n CROSS JOIN topics_data AS d
ON d.id = n.id AND d.time = coalesce(
  (SELECT k.time FROM topics_data AS k
   WHERE k.time = i.keyframe AND k.id = n.id AND (k.until IS NULL OR k.until > i.time)),
  (SELECT j.time FROM intervals AS j CROSS JOIN topics_data AS c ON c.time = j.time AND c.id = n.id
   WHERE j.time BETWEEN i.keyframe AND i.time AND j.keyframe = i.keyframe ORDER BY j.time DESC LIMIT 1))
WHERE n.first_time <= i.time AND (n.gone_time IS NULL OR n.gone_time > i.time)
  AND (d.until IS NULL OR d.until > i.time);
CREATE VIEW topics_now AS
SELECT * FROM topics WHERE time = (SELECT max(time) FROM intervals);
CREATE VIEW topics_changes AS
SELECT d.time AS time, n.source, n.system, n.cluster, n.broker, n.topic, n.kind, d.queues, d.min_offset, d.max_offset, d.stored, d.in_rate, d.in_bytes_rate, d.last_stored_at
FROM topics_data AS d CROSS JOIN topics_names AS n ON n.id = d.id;
CREATE VIEW queues AS
SELECT i.time AS time, n.source, n.system, n.cluster, n.consumer_group, n.topic, n.broker, n.queue, n.client, d.min_offset, d.max_offset, d.consumer_offset, d.lag, d.inflight, d.last_consumed_at
FROM intervals AS i CROSS JOIN queues_names AS n CROSS JOIN queues_data AS d
ON d.id = n.id AND d.time = coalesce(
  (SELECT k.time FROM queues_data AS k
   WHERE k.time = i.keyframe AND k.id = n.id AND (k.until IS NULL OR k.until > i.time)),
  (SELECT j.time FROM intervals AS j CROSS JOIN queues_data AS c ON c.time = j.time AND c.id = n.id
   WHERE j.time BETWEEN i.keyframe AND i.time AND j.keyframe = i.keyframe ORDER BY j.time DESC LIMIT 1))
WHERE n.first_time <= i.time AND (n.gone_time IS NULL OR n.gone_time > i.time)
  AND (d.until IS NULL OR d.until > i.time);
CREATE VIEW queues_now AS
SELECT * FROM queues WHERE time = (SELECT max(time) FROM intervals);
CREATE VIEW queues_changes AS
SELECT d.time AS time, n.source, n.system, n.cluster, n.consumer_group, n.topic, n.broker, n.queue, n.client, d.min_offset, d.max_offset, d.consumer_offset, d.lag, d.inflight, d.last_consumed_at
FROM queues_data AS d CROSS JOIN queues_names AS n ON n.id = d.id;
CREATE VIEW clients AS
SELECT i.time AS time, n.source, n.system, n.cluster, n.consumer_group, n.client, n.ip, n.pid, n.version, n.language, d.queues, d.lag, d.consume_rt_ms, d.ok_rate, d.failed_rate, d.pull_rt_ms, d.pull_rate
FROM intervals AS i CROSS JOIN clients_names AS n CROSS JOIN clients_data AS d
ON d.id = n.id AND d.time = coalesce(
  (SELECT k.time FROM clients_data AS k
   WHERE k.time = i.keyframe AND k.id = n.id AND (k.until IS NULL OR k.until > i.time)),
  (SELECT j.time FROM intervals AS j CROSS JOIN clients_data AS c ON c.time = j.time AND c.id = n.id
   WHERE j.time BETWEEN i.keyframe AND i.time AND j.keyframe = i.keyframe ORDER BY j.time DESC LIMIT 1))
WHERE n.first_time <= i.time AND (n.gone_time IS NULL OR n.gone_time > i.time)
  AND (d.until IS NULL OR d.until > i.time);
CREATE VIEW clients_now AS
SELECT * FROM clients WHERE time = (SELECT max(time) FROM intervals);
CREATE VIEW clients_changes AS
SELECT d.time AS time, n.source, n.system, n.cluster, n.consumer_group, n.client, n.ip, n.pid, n.version, n.language, d.queues, d.lag, d.consume_rt_ms, d.ok_rate, d.failed_rate, d.pull_rt_ms, d.pull_rate
FROM clients_data AS d CROSS JOIN clients_names AS n ON n.id = d.id;
CREATE VIEW producers AS
SELECT i.time AS time, n.source, n.system, n.cluster, n.producer_group, n.broker, d.clients
FROM intervals AS i CROSS JOIN producers_names AS n CROSS JOIN producers_data AS d
ON d.id = n.id AND d.time = coalesce(
  (SELECT k.time FROM producers_data AS k
   WHERE k.time = i.keyframe AND k.id = n.id AND (k.until IS NULL OR k.until > i.time)),
  (SELECT j.time FROM intervals AS j CROSS JOIN producers_data AS c ON c.time = j.time AND c.id = n.id
   WHERE j.time BETWEEN i.keyframe AND i.time AND j.keyframe = i.keyframe ORDER BY j.time DESC LIMIT 1))
WHERE n.first_time <= i.time AND (n.gone_time IS NULL OR n.gone_time > i.time)
  AND (d.until IS NULL OR d.until > i.time);
CREATE VIEW producers_now AS
SELECT * FROM producers WHERE time = (SELECT max(time) FROM intervals);
CREATE VIEW producers_changes AS
SELECT d.time AS time, n.source, n.system, n.cluster, n.producer_group, n.broker, d.clients
FROM producers_data AS d CROSS JOIN producers_names AS n ON n.id = d.id;
CREATE VIEW brokers AS
SELECT i.time AS time, n.source, n.system, n.cluster, n.broker, n.broker_id, n.address, n.version, d.up, d.boot_timestamp, d.start_accept_send_request_time_stamp, d.broker_active, d.put_message_times_total, d.put_message_failed_times, d.put_message_size_total, d.put_message_average_size, d.put_message_entire_time_max, d.put_message_distribute_time_0ms, d.put_message_distribute_time_0to10ms, d.put_message_distribute_time_10to50ms, d.put_message_distribute_time_50to100ms, d.put_message_distribute_time_100to200ms, d.put_message_distribute_time_200to500ms, d.put_message_distribute_time_500msto1s, d.put_message_distribute_time_1to2s, d.put_message_distribute_time_2to3s, d.put_message_distribute_time_3to4s, d.put_message_distribute_time_4to5s, d.put_message_distribute_time_5to10s, d.put_message_distribute_time_10stomore, d.put_latency_99, d.put_latency_999, d.get_message_entire_time_max, d.dispatch_max_buffer, d.put_tps_10, d.put_tps_60, d.put_tps_600, d.get_found_tps_10, d.get_found_tps_60, d.get_found_tps_600, d.get_miss_tps_10, d.get_miss_tps_60, d.get_miss_tps_600, d.get_transferred_tps_10, d.get_transferred_tps_60, d.get_transferred_tps_600, d.get_total_tps_10, d.get_total_tps_60, d.get_total_tps_600, d.msg_put_total_yesterday_morning, d.msg_put_total_today_morning, d.msg_put_total_today_now, d.msg_get_total_yesterday_morning, d.msg_get_total_today_morning, d.msg_get_total_today_now, d.send_thread_pool_queue_size, d.send_thread_pool_queue_capacity, d.send_thread_pool_queue_head_wait_time_mills, d.pull_thread_pool_queue_size, d.pull_thread_pool_queue_capacity, d.pull_thread_pool_queue_head_wait_time_mills, d.query_thread_pool_queue_size, d.query_thread_pool_queue_capacity, d.query_thread_pool_queue_head_wait_time_mills, d.lite_pull_thread_pool_queue_size, d.lite_pull_thread_pool_queue_capacity, d.lite_pull_thread_pool_queue_head_wait_time_mills, d.ack_thread_pool_queue_size, d.ack_thread_pool_queue_capacity, d.ack_thread_pool_queue_head_wait_time_mills, d.end_transaction_queue_size, d.end_transaction_thread_pool_queue_capacity, d.page_cache_lock_time_mills, d.dispatch_behind_bytes, d.earliest_message_time_stamp, d.commit_log_min_offset, d.commit_log_max_offset, d.commit_log_disk_ratio, d.consume_queue_disk_ratio, d.commit_log_dir_capacity_total, d.commit_log_dir_capacity_free, d.remain_transient_store_buffer_numbs, d.remain_how_many_data_to_commit, d.remain_how_many_data_to_flush, d.timer_read_behind, d.timer_offset_behind, d.timer_congest_num, d.timer_enqueue_tps, d.timer_dequeue_tps
FROM intervals AS i CROSS JOIN brokers_names AS n CROSS JOIN brokers_data AS d
ON d.id = n.id AND d.time = coalesce(
  (SELECT k.time FROM brokers_data AS k
   WHERE k.time = i.keyframe AND k.id = n.id AND (k.until IS NULL OR k.until > i.time)),
  (SELECT j.time FROM intervals AS j CROSS JOIN brokers_data AS c ON c.time = j.time AND c.id = n.id
   WHERE j.time BETWEEN i.keyframe AND i.time AND j.keyframe = i.keyframe ORDER BY j.time DESC LIMIT 1))
WHERE n.first_time <= i.time AND (n.gone_time IS NULL OR n.gone_time > i.time)
  AND (d.until IS NULL OR d.until > i.time);
CREATE VIEW brokers_now AS
SELECT * FROM brokers WHERE time = (SELECT max(time) FROM intervals);
CREATE VIEW brokers_changes AS
SELECT d.time AS time, n.source, n.system, n.cluster, n.broker, n.broker_id, n.address, n.version, d.up, d.boot_timestamp, d.start_accept_send_request_time_stamp, d.broker_active, d.put_message_times_total, d.put_message_failed_times, d.put_message_size_total, d.put_message_average_size, d.put_message_entire_time_max, d.put_message_distribute_time_0ms, d.put_message_distribute_time_0to10ms, d.put_message_distribute_time_10to50ms, d.put_message_distribute_time_50to100ms, d.put_message_distribute_time_100to200ms, d.put_message_distribute_time_200to500ms, d.put_message_distribute_time_500msto1s, d.put_message_distribute_time_1to2s, d.put_message_distribute_time_2to3s, d.put_message_distribute_time_3to4s, d.put_message_distribute_time_4to5s, d.put_message_distribute_time_5to10s, d.put_message_distribute_time_10stomore, d.put_latency_99, d.put_latency_999, d.get_message_entire_time_max, d.dispatch_max_buffer, d.put_tps_10, d.put_tps_60, d.put_tps_600, d.get_found_tps_10, d.get_found_tps_60, d.get_found_tps_600, d.get_miss_tps_10, d.get_miss_tps_60, d.get_miss_tps_600, d.get_transferred_tps_10, d.get_transferred_tps_60, d.get_transferred_tps_600, d.get_total_tps_10, d.get_total_tps_60, d.get_total_tps_600, d.msg_put_total_yesterday_morning, d.msg_put_total_today_morning, d.msg_put_total_today_now, d.msg_get_total_yesterday_morning, d.msg_get_total_today_morning, d.msg_get_total_today_now, d.send_thread_pool_queue_size, d.send_thread_pool_queue_capacity, d.send_thread_pool_queue_head_wait_time_mills, d.pull_thread_pool_queue_size, d.pull_thread_pool_queue_capacity, d.pull_thread_pool_queue_head_wait_time_mills, d.query_thread_pool_queue_size, d.query_thread_pool_queue_capacity, d.query_thread_pool_queue_head_wait_time_mills, d.lite_pull_thread_pool_queue_size, d.lite_pull_thread_pool_queue_capacity, d.lite_pull_thread_pool_queue_head_wait_time_mills, d.ack_thread_pool_queue_size, d.ack_thread_pool_queue_capacity, d.ack_thread_pool_queue_head_wait_time_mills, d.end_transaction_queue_size, d.end_transaction_thread_pool_queue_capacity, d.page_cache_lock_time_mills, d.dispatch_behind_bytes, d.earliest_message_time_stamp, d.commit_log_min_offset, d.commit_log_max_offset, d.commit_log_disk_ratio, d.consume_queue_disk_ratio, d.commit_log_dir_capacity_total, d.commit_log_dir_capacity_free, d.remain_transient_store_buffer_numbs, d.remain_how_many_data_to_commit, d.remain_how_many_data_to_flush, d.timer_read_behind, d.timer_offset_behind, d.timer_congest_num, d.timer_enqueue_tps, d.timer_dequeue_tps
FROM brokers_data AS d CROSS JOIN brokers_names AS n ON n.id = d.id;
CREATE VIEW scrapes AS
SELECT i.time AS time, n.source, n.system, n.cluster, n.target, n.kind, d.ok, d.requests, d.failed, d.bytes, d.duration_ms, d.error
FROM intervals AS i CROSS JOIN scrapes_names AS n CROSS JOIN scrapes_data AS d
ON d.id = n.id AND d.time = coalesce(
  (SELECT k.time FROM scrapes_data AS k
   WHERE k.time = i.keyframe AND k.id = n.id AND (k.until IS NULL OR k.until > i.time)),
  (SELECT j.time FROM intervals AS j CROSS JOIN scrapes_data AS c ON c.time = j.time AND c.id = n.id
   WHERE j.time BETWEEN i.keyframe AND i.time AND j.keyframe = i.keyframe ORDER BY j.time DESC LIMIT 1))
WHERE n.first_time <= i.time AND (n.gone_time IS NULL OR n.gone_time > i.time)
  AND (d.until IS NULL OR d.until > i.time);
CREATE VIEW scrapes_now AS
SELECT * FROM scrapes WHERE time = (SELECT max(time) FROM intervals);
CREATE VIEW scrapes_changes AS
SELECT d.time AS time, n.source, n.system, n.cluster, n.target, n.kind, d.ok, d.requests, d.failed, d.bytes, d.duration_ms, d.error
FROM scrapes_data AS d CROSS JOIN scrapes_names AS n ON n.id = d.id;
CREATE VIEW agent AS
SELECT i.time AS time, n.source, n.system, n.cluster, n.part, d.up, d.interval_seconds, d.last_timestamp_seconds, d.duration_seconds, d.complete, d.received_bytes_total, d.series, d.delivered_total, d.retried_total, d.rejected_total, d.dropped_total, d.delay_seconds, d.missed_ticks_total, d.resident_bytes, d.cpu_seconds_total
FROM intervals AS i CROSS JOIN agent_names AS n CROSS JOIN agent_data AS d
ON d.id = n.id AND d.time = coalesce(
  (SELECT k.time FROM agent_data AS k
   WHERE k.time = i.keyframe AND k.id = n.id AND (k.until IS NULL OR k.until > i.time)),
  (SELECT j.time FROM intervals AS j CROSS JOIN agent_data AS c ON c.time = j.time AND c.id = n.id
   WHERE j.time BETWEEN i.keyframe AND i.time AND j.keyframe = i.keyframe ORDER BY j.time DESC LIMIT 1))
WHERE n.first_time <= i.time AND (n.gone_time IS NULL OR n.gone_time > i.time)
  AND (d.until IS NULL OR d.until > i.time);
CREATE VIEW agent_now AS
SELECT * FROM agent WHERE time = (SELECT max(time) FROM intervals);
CREATE VIEW agent_changes AS
SELECT d.time AS time, n.source, n.system, n.cluster, n.part, d.up, d.interval_seconds, d.last_timestamp_seconds, d.duration_seconds, d.complete, d.received_bytes_total, d.series, d.delivered_total, d.retried_total, d.rejected_total, d.dropped_total, d.delay_seconds, d.missed_ticks_total, d.resident_bytes, d.cpu_seconds_total
FROM agent_data AS d CROSS JOIN agent_names AS n ON n.id = d.id;
CREATE VIEW groups_hour AS
SELECT r.time AS time, n.source, n.system, n.cluster, n.consumer_group, n.model, n.type, r.intervals, r.members_min, r.members_max, r.members_avg, r.members_last, r.lag_min, r.lag_max, r.lag_avg, r.lag_last, r.retry_lag_min, r.retry_lag_max, r.retry_lag_avg, r.retry_lag_last, r.lag_seconds_min, r.lag_seconds_max, r.lag_seconds_avg, r.lag_seconds_last
FROM groups_hour_data AS r CROSS JOIN groups_names AS n ON n.id = r.id;
CREATE VIEW groups_day AS
SELECT r.time AS time, n.source, n.system, n.cluster, n.consumer_group, n.model, n.type, r.intervals, r.members_min, r.members_max, r.members_avg, r.members_last, r.lag_min, r.lag_max, r.lag_avg, r.lag_last, r.retry_lag_min, r.retry_lag_max, r.retry_lag_avg, r.retry_lag_last, r.lag_seconds_min, r.lag_seconds_max, r.lag_seconds_avg, r.lag_seconds_last
FROM groups_day_data AS r CROSS JOIN groups_names AS n ON n.id = r.id;
CREATE VIEW backlogs_hour AS
SELECT r.time AS time, n.source, n.system, n.cluster, n.consumer_group, n.topic, n.kind, r.intervals, r.lag_min, r.lag_max, r.lag_avg, r.lag_last, r.inflight_min, r.inflight_max, r.inflight_avg, r.inflight_last, r.lag_seconds_min, r.lag_seconds_max, r.lag_seconds_avg, r.lag_seconds_last, r.out_rate_min, r.out_rate_max, r.out_rate_avg, r.out_rate_last
FROM backlogs_hour_data AS r CROSS JOIN backlogs_names AS n ON n.id = r.id;
CREATE VIEW backlogs_day AS
SELECT r.time AS time, n.source, n.system, n.cluster, n.consumer_group, n.topic, n.kind, r.intervals, r.lag_min, r.lag_max, r.lag_avg, r.lag_last, r.inflight_min, r.inflight_max, r.inflight_avg, r.inflight_last, r.lag_seconds_min, r.lag_seconds_max, r.lag_seconds_avg, r.lag_seconds_last, r.out_rate_min, r.out_rate_max, r.out_rate_avg, r.out_rate_last
FROM backlogs_day_data AS r CROSS JOIN backlogs_names AS n ON n.id = r.id;
CREATE VIEW topics_hour AS
SELECT r.time AS time, n.source, n.system, n.cluster, n.broker, n.topic, n.kind, r.intervals, r.stored_min, r.stored_max, r.stored_avg, r.stored_last, r.in_rate_min, r.in_rate_max, r.in_rate_avg, r.in_rate_last, r.in_bytes_rate_min, r.in_bytes_rate_max, r.in_bytes_rate_avg, r.in_bytes_rate_last
FROM topics_hour_data AS r CROSS JOIN topics_names AS n ON n.id = r.id;
CREATE VIEW topics_day AS
SELECT r.time AS time, n.source, n.system, n.cluster, n.broker, n.topic, n.kind, r.intervals, r.stored_min, r.stored_max, r.stored_avg, r.stored_last, r.in_rate_min, r.in_rate_max, r.in_rate_avg, r.in_rate_last, r.in_bytes_rate_min, r.in_bytes_rate_max, r.in_bytes_rate_avg, r.in_bytes_rate_last
FROM topics_day_data AS r CROSS JOIN topics_names AS n ON n.id = r.id;
COMMIT;
