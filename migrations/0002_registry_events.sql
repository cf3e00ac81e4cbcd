-- Event tables of the room contract, made from its ABI: the text that
-- `test_schema --print` writes. A unit test compares the two.

create table if not exists chain."registry_bridge_key_set" (
	block_number bigint not null,
	block_hash bytea not null,
	block_time timestamptz not null,
	tx_hash bytea not null,
	tx_index integer not null,
	log_index integer not null,
	address bytea not null,
	"key_id" bigint not null,
	"key" bytea not null,
	constraint "registry_bridge_key_set.block_number"
		primary key (block_number, log_index, block_hash)
);
comment on table chain."registry_bridge_key_set" is
	'BridgeKeySet(uint16,bytes) of registry';

create table if not exists chain."registry_default_admin_delay_change_canceled" (
	block_number bigint not null,
	block_hash bytea not null,
	block_time timestamptz not null,
	tx_hash bytea not null,
	tx_index integer not null,
	log_index integer not null,
	address bytea not null,
	constraint "registry_default_admin_delay_change_canceled.block_number"
		primary key (block_number, log_index, block_hash)
);
comment on table chain."registry_default_admin_delay_change_canceled" is
	'DefaultAdminDelayChangeCanceled() of registry';

create table if not exists chain."registry_default_admin_delay_change_scheduled" (
	block_number bigint not null,
	block_hash bytea not null,
	block_time timestamptz not null,
	tx_hash bytea not null,
	tx_index integer not null,
	log_index integer not null,
	address bytea not null,
	"new_delay" bigint not null,
	"effect_schedule" bigint not null,
	constraint "registry_default_admin_delay_change_scheduled.block_number"
		primary key (block_number, log_index, block_hash)
);
comment on table chain."registry_default_admin_delay_change_scheduled" is
	'DefaultAdminDelayChangeScheduled(uint48,uint48) of registry';

create table if not exists chain."registry_default_admin_transfer_canceled" (
	block_number bigint not null,
	block_hash bytea not null,
	block_time timestamptz not null,
	tx_hash bytea not null,
	tx_index integer not null,
	log_index integer not null,
	address bytea not null,
	constraint "registry_default_admin_transfer_canceled.block_number"
		primary key (block_number, log_index, block_hash)
);
comment on table chain."registry_default_admin_transfer_canceled" is
	'DefaultAdminTransferCanceled() of registry';

create table if not exists chain."registry_default_admin_transfer_scheduled" (
	block_number bigint not null,
	block_hash bytea not null,
	block_time timestamptz not null,
	tx_hash bytea not null,
	tx_index integer not null,
	log_index integer not null,
	address bytea not null,
	"new_admin" bytea not null,
	"accept_schedule" bigint not null,
	constraint "registry_default_admin_transfer_scheduled.block_number"
		primary key (block_number, log_index, block_hash)
);
create index if not exists "registry_default_admin_transfer_scheduled.new_admin"
	on chain."registry_default_admin_transfer_scheduled" ("new_admin");
comment on table chain."registry_default_admin_transfer_scheduled" is
	'DefaultAdminTransferScheduled(address,uint48) of registry';

create table if not exists chain."registry_key_rotated" (
	block_number bigint not null,
	block_hash bytea not null,
	block_time timestamptz not null,
	tx_hash bytea not null,
	tx_index integer not null,
	log_index integer not null,
	address bytea not null,
	"room_id" numeric(78, 0) not null,
	"epoch" bigint not null,
	"host_key" bytea not null,
	constraint "registry_key_rotated.block_number"
		primary key (block_number, log_index, block_hash)
);
create index if not exists "registry_key_rotated.room_id"
	on chain."registry_key_rotated" ("room_id");
comment on table chain."registry_key_rotated" is
	'KeyRotated(uint96,uint32,bytes) of registry';

create table if not exists chain."registry_limits_set" (
	block_number bigint not null,
	block_hash bytea not null,
	block_time timestamptz not null,
	tx_hash bytea not null,
	tx_index integer not null,
	log_index integer not null,
	address bytea not null,
	"max_open_per_host" bigint not null,
	"max_open_total" bigint not null,
	"max_age" bigint not null,
	"max_title" bigint not null,
	"fee" numeric(78, 0) not null,
	constraint "registry_limits_set.block_number"
		primary key (block_number, log_index, block_hash)
);
comment on table chain."registry_limits_set" is
	'LimitsSet(uint32,uint32,uint32,uint16,uint128) of registry';

create table if not exists chain."registry_origin_added" (
	block_number bigint not null,
	block_hash bytea not null,
	block_time timestamptz not null,
	tx_hash bytea not null,
	tx_index integer not null,
	log_index integer not null,
	address bytea not null,
	"origin_id" bigint not null,
	"prefix" bytea not null,
	"suffixes" jsonb not null,
	constraint "registry_origin_added.block_number"
		primary key (block_number, log_index, block_hash)
);
create index if not exists "registry_origin_added.origin_id"
	on chain."registry_origin_added" ("origin_id");
comment on table chain."registry_origin_added" is
	'OriginAdded(uint16,string,string[]) of registry';

create table if not exists chain."registry_output_added" (
	block_number bigint not null,
	block_hash bytea not null,
	block_time timestamptz not null,
	tx_hash bytea not null,
	tx_index integer not null,
	log_index integer not null,
	address bytea not null,
	"room_id" numeric(78, 0) not null,
	"output_id" bigint not null,
	"sealed_target" bytea not null,
	constraint "registry_output_added.block_number"
		primary key (block_number, log_index, block_hash)
);
create index if not exists "registry_output_added.room_id"
	on chain."registry_output_added" ("room_id");
comment on table chain."registry_output_added" is
	'OutputAdded(uint96,uint32,bytes) of registry';

create table if not exists chain."registry_output_refused" (
	block_number bigint not null,
	block_hash bytea not null,
	block_time timestamptz not null,
	tx_hash bytea not null,
	tx_index integer not null,
	log_index integer not null,
	address bytea not null,
	"room_id" numeric(78, 0) not null,
	"output_id" bigint not null,
	"code" bigint not null,
	constraint "registry_output_refused.block_number"
		primary key (block_number, log_index, block_hash)
);
create index if not exists "registry_output_refused.room_id"
	on chain."registry_output_refused" ("room_id");
comment on table chain."registry_output_refused" is
	'OutputRefused(uint96,uint32,uint8) of registry';

create table if not exists chain."registry_output_removed" (
	block_number bigint not null,
	block_hash bytea not null,
	block_time timestamptz not null,
	tx_hash bytea not null,
	tx_index integer not null,
	log_index integer not null,
	address bytea not null,
	"room_id" numeric(78, 0) not null,
	"output_id" bigint not null,
	constraint "registry_output_removed.block_number"
		primary key (block_number, log_index, block_hash)
);
create index if not exists "registry_output_removed.room_id"
	on chain."registry_output_removed" ("room_id");
comment on table chain."registry_output_removed" is
	'OutputRemoved(uint96,uint32) of registry';

create table if not exists chain."registry_output_set" (
	block_number bigint not null,
	block_hash bytea not null,
	block_time timestamptz not null,
	tx_hash bytea not null,
	tx_index integer not null,
	log_index integer not null,
	address bytea not null,
	"room_id" numeric(78, 0) not null,
	"output_id" bigint not null,
	"enabled" boolean not null,
	constraint "registry_output_set.block_number"
		primary key (block_number, log_index, block_hash)
);
create index if not exists "registry_output_set.room_id"
	on chain."registry_output_set" ("room_id");
comment on table chain."registry_output_set" is
	'OutputSet(uint96,uint32,bool) of registry';

create table if not exists chain."registry_paused" (
	block_number bigint not null,
	block_hash bytea not null,
	block_time timestamptz not null,
	tx_hash bytea not null,
	tx_index integer not null,
	log_index integer not null,
	address bytea not null,
	"account" bytea not null,
	constraint "registry_paused.block_number"
		primary key (block_number, log_index, block_hash)
);
comment on table chain."registry_paused" is
	'Paused(address) of registry';

create table if not exists chain."registry_provision_skipped" (
	block_number bigint not null,
	block_hash bytea not null,
	block_time timestamptz not null,
	tx_hash bytea not null,
	tx_index integer not null,
	log_index integer not null,
	address bytea not null,
	"room_id" numeric(78, 0) not null,
	"reason" bigint not null,
	constraint "registry_provision_skipped.block_number"
		primary key (block_number, log_index, block_hash)
);
create index if not exists "registry_provision_skipped.room_id"
	on chain."registry_provision_skipped" ("room_id");
comment on table chain."registry_provision_skipped" is
	'ProvisionSkipped(uint96,uint8) of registry';

create table if not exists chain."registry_recording_days_set" (
	block_number bigint not null,
	block_hash bytea not null,
	block_time timestamptz not null,
	tx_hash bytea not null,
	tx_index integer not null,
	log_index integer not null,
	address bytea not null,
	"room_id" numeric(78, 0) not null,
	"num_days" bigint not null,
	constraint "registry_recording_days_set.block_number"
		primary key (block_number, log_index, block_hash)
);
create index if not exists "registry_recording_days_set.room_id"
	on chain."registry_recording_days_set" ("room_id");
comment on table chain."registry_recording_days_set" is
	'RecordingDaysSet(uint96,uint16) of registry';

create table if not exists chain."registry_recording_ready" (
	block_number bigint not null,
	block_hash bytea not null,
	block_time timestamptz not null,
	tx_hash bytea not null,
	tx_index integer not null,
	log_index integer not null,
	address bytea not null,
	"room_id" numeric(78, 0) not null,
	"origin_id" bigint not null,
	"video_uid" bytea not null,
	constraint "registry_recording_ready.block_number"
		primary key (block_number, log_index, block_hash)
);
create index if not exists "registry_recording_ready.room_id"
	on chain."registry_recording_ready" ("room_id");
comment on table chain."registry_recording_ready" is
	'RecordingReady(uint96,uint16,bytes16) of registry';

create table if not exists chain."registry_recording_set" (
	block_number bigint not null,
	block_hash bytea not null,
	block_time timestamptz not null,
	tx_hash bytea not null,
	tx_index integer not null,
	log_index integer not null,
	address bytea not null,
	"room_id" numeric(78, 0) not null,
	"keep" boolean not null,
	constraint "registry_recording_set.block_number"
		primary key (block_number, log_index, block_hash)
);
create index if not exists "registry_recording_set.room_id"
	on chain."registry_recording_set" ("room_id");
comment on table chain."registry_recording_set" is
	'RecordingSet(uint96,bool) of registry';

create table if not exists chain."registry_reissued" (
	block_number bigint not null,
	block_hash bytea not null,
	block_time timestamptz not null,
	tx_hash bytea not null,
	tx_index integer not null,
	log_index integer not null,
	address bytea not null,
	"room_id" numeric(78, 0) not null,
	"epoch" bigint not null,
	"code" bigint not null,
	constraint "registry_reissued.block_number"
		primary key (block_number, log_index, block_hash)
);
create index if not exists "registry_reissued.room_id"
	on chain."registry_reissued" ("room_id");
comment on table chain."registry_reissued" is
	'Reissued(uint96,uint32,uint8) of registry';

create table if not exists chain."registry_role_admin_changed" (
	block_number bigint not null,
	block_hash bytea not null,
	block_time timestamptz not null,
	tx_hash bytea not null,
	tx_index integer not null,
	log_index integer not null,
	address bytea not null,
	"role" bytea not null,
	"previous_admin_role" bytea not null,
	"new_admin_role" bytea not null,
	constraint "registry_role_admin_changed.block_number"
		primary key (block_number, log_index, block_hash)
);
create index if not exists "registry_role_admin_changed.role"
	on chain."registry_role_admin_changed" ("role");
create index if not exists "registry_role_admin_changed.previous_admin_role"
	on chain."registry_role_admin_changed" ("previous_admin_role");
create index if not exists "registry_role_admin_changed.new_admin_role"
	on chain."registry_role_admin_changed" ("new_admin_role");
comment on table chain."registry_role_admin_changed" is
	'RoleAdminChanged(bytes32,bytes32,bytes32) of registry';

create table if not exists chain."registry_role_granted" (
	block_number bigint not null,
	block_hash bytea not null,
	block_time timestamptz not null,
	tx_hash bytea not null,
	tx_index integer not null,
	log_index integer not null,
	address bytea not null,
	"role" bytea not null,
	"account" bytea not null,
	"sender" bytea not null,
	constraint "registry_role_granted.block_number"
		primary key (block_number, log_index, block_hash)
);
create index if not exists "registry_role_granted.role"
	on chain."registry_role_granted" ("role");
create index if not exists "registry_role_granted.account"
	on chain."registry_role_granted" ("account");
create index if not exists "registry_role_granted.sender"
	on chain."registry_role_granted" ("sender");
comment on table chain."registry_role_granted" is
	'RoleGranted(bytes32,address,address) of registry';

create table if not exists chain."registry_role_revoked" (
	block_number bigint not null,
	block_hash bytea not null,
	block_time timestamptz not null,
	tx_hash bytea not null,
	tx_index integer not null,
	log_index integer not null,
	address bytea not null,
	"role" bytea not null,
	"account" bytea not null,
	"sender" bytea not null,
	constraint "registry_role_revoked.block_number"
		primary key (block_number, log_index, block_hash)
);
create index if not exists "registry_role_revoked.role"
	on chain."registry_role_revoked" ("role");
create index if not exists "registry_role_revoked.account"
	on chain."registry_role_revoked" ("account");
create index if not exists "registry_role_revoked.sender"
	on chain."registry_role_revoked" ("sender");
comment on table chain."registry_role_revoked" is
	'RoleRevoked(bytes32,address,address) of registry';

create table if not exists chain."registry_room_created" (
	block_number bigint not null,
	block_hash bytea not null,
	block_time timestamptz not null,
	tx_hash bytea not null,
	tx_index integer not null,
	log_index integer not null,
	address bytea not null,
	"room_id" numeric(78, 0) not null,
	"host" bytea not null,
	"ref" bytea not null,
	"ingest" bigint not null,
	"access" bigint not null,
	"keep_recording" boolean not null,
	"title" bytea not null,
	"host_key" bytea not null,
	constraint "registry_room_created.block_number"
		primary key (block_number, log_index, block_hash)
);
create index if not exists "registry_room_created.room_id"
	on chain."registry_room_created" ("room_id");
create index if not exists "registry_room_created.host"
	on chain."registry_room_created" ("host");
create index if not exists "registry_room_created.ref"
	on chain."registry_room_created" ("ref");
comment on table chain."registry_room_created" is
	'RoomCreated(uint96,address,bytes32,uint8,uint8,bool,string,bytes) of registry';

create table if not exists chain."registry_room_ended" (
	block_number bigint not null,
	block_hash bytea not null,
	block_time timestamptz not null,
	tx_hash bytea not null,
	tx_index integer not null,
	log_index integer not null,
	address bytea not null,
	"room_id" numeric(78, 0) not null,
	"by" bytea not null,
	constraint "registry_room_ended.block_number"
		primary key (block_number, log_index, block_hash)
);
create index if not exists "registry_room_ended.room_id"
	on chain."registry_room_ended" ("room_id");
create index if not exists "registry_room_ended.by"
	on chain."registry_room_ended" ("by");
comment on table chain."registry_room_ended" is
	'RoomEnded(uint96,address) of registry';

create table if not exists chain."registry_room_failed" (
	block_number bigint not null,
	block_hash bytea not null,
	block_time timestamptz not null,
	tx_hash bytea not null,
	tx_index integer not null,
	log_index integer not null,
	address bytea not null,
	"room_id" numeric(78, 0) not null,
	"code" bigint not null,
	constraint "registry_room_failed.block_number"
		primary key (block_number, log_index, block_hash)
);
create index if not exists "registry_room_failed.room_id"
	on chain."registry_room_failed" ("room_id");
comment on table chain."registry_room_failed" is
	'RoomFailed(uint96,uint8) of registry';

create table if not exists chain."registry_room_provisioned" (
	block_number bigint not null,
	block_hash bytea not null,
	block_time timestamptz not null,
	tx_hash bytea not null,
	tx_index integer not null,
	log_index integer not null,
	address bytea not null,
	"room_id" numeric(78, 0) not null,
	"epoch" bigint not null,
	"origin_id" bigint not null,
	"input_uid" bytea not null,
	"credential_hash" bytea not null,
	"envelope" bytea not null,
	constraint "registry_room_provisioned.block_number"
		primary key (block_number, log_index, block_hash)
);
create index if not exists "registry_room_provisioned.room_id"
	on chain."registry_room_provisioned" ("room_id");
comment on table chain."registry_room_provisioned" is
	'RoomProvisioned(uint96,uint32,uint16,bytes16,bytes8,bytes) of registry';

create table if not exists chain."registry_room_updated" (
	block_number bigint not null,
	block_hash bytea not null,
	block_time timestamptz not null,
	tx_hash bytea not null,
	tx_index integer not null,
	log_index integer not null,
	address bytea not null,
	"room_id" numeric(78, 0) not null,
	"title" bytea not null,
	constraint "registry_room_updated.block_number"
		primary key (block_number, log_index, block_hash)
);
create index if not exists "registry_room_updated.room_id"
	on chain."registry_room_updated" ("room_id");
comment on table chain."registry_room_updated" is
	'RoomUpdated(uint96,string) of registry';

create table if not exists chain."registry_unpaused" (
	block_number bigint not null,
	block_hash bytea not null,
	block_time timestamptz not null,
	tx_hash bytea not null,
	tx_index integer not null,
	log_index integer not null,
	address bytea not null,
	"account" bytea not null,
	constraint "registry_unpaused.block_number"
		primary key (block_number, log_index, block_hash)
);
comment on table chain."registry_unpaused" is
	'Unpaused(address) of registry';

create table if not exists chain."registry_withdrawn" (
	block_number bigint not null,
	block_hash bytea not null,
	block_time timestamptz not null,
	tx_hash bytea not null,
	tx_index integer not null,
	log_index integer not null,
	address bytea not null,
	"to" bytea not null,
	"amount" numeric(78, 0) not null,
	constraint "registry_withdrawn.block_number"
		primary key (block_number, log_index, block_hash)
);
create index if not exists "registry_withdrawn.to"
	on chain."registry_withdrawn" ("to");
comment on table chain."registry_withdrawn" is
	'Withdrawn(address,uint256) of registry';
