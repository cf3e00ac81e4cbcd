/*
 * The daemon: opens what it works with, leads, and looks at its rooms on every
 * block and poll (look.c) until it is told to stop.
 */
#include "bridge/bridge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bridge/audit.h"
#include "bridge/backlog.h"
#include "bridge/control.h"
#include "bridge/job.h"
#include "bridge/lead.h"
#include "bridge/lease.h"
#include "bridge/look.h"
#include "bridge/media.h"
#include "bridge/refusal.h"
#include "bridge/report.h"
#include "core/log.h"
#include "core/loop.h"

#define STOP_MS 5000

static void on_later(uv_timer_t *t)
{
	bridge_wake((struct bridge *)t->data);
}

void bridge_wake(struct bridge *b)
{
	uint64_t now, wait = 0;

	if (b->stopping)
		return;
	b->again = true;
	if (b->querying)
		return;
	now = uv_now(b->loop);
	if (backlog_good(b))
		wait = b->waiting_ms + BACKLOG_MS - now;
	else if (now < b->rest_ms)
		wait = b->rest_ms - now;
	if (!wait)
		look_run(b);
	else if (!uv_is_active((uv_handle_t *)&b->later) &&
		 uv_timer_start(&b->later, on_later, wait, 0) != 0)
		abort();
}

void bridge_stop(struct bridge *b, int exit_code)
{
	if (!b->stopping)
		b->exit_code = exit_code;
	b->stopping = true;
	uv_stop(b->loop);
}

/* @payload: the highest block that is indexed now. */
static void on_block(void *arg, const char *payload)
{
	struct bridge *b = (struct bridge *)arg;

	lanes_head(b->lanes, strtoull(payload, NULL, 10));
	bridge_wake(b);
}

static void on_control(void *arg, const char *payload)
{
	(void)payload;
	bridge_wake((struct bridge *)arg);
}

static void on_poll(uv_timer_t *t)
{
	bridge_wake((struct bridge *)t->data);
	refusal_run((struct bridge *)t->data);
}

static void on_sweep(uv_timer_t *t)
{
	sweep_run((struct bridge *)t->data);
}

static void first_list(uv_timer_t *t);

/* From here on this bridge is the only one of the deployment. */
static void on_lease(struct bridge *b)
{
	b->listed = true;
	bridge_wake(b);
}

static void on_first_list(void *arg, bool ok, const struct err *err)
{
	struct bridge *b = (struct bridge *)arg;
	size_t n;

	if (!ok) {
		log_odd("list_at_start_failed",
			F_STR("why", err ? err->msg : NULL));
		if (uv_timer_start(&b->later, first_list, 2000, 0) != 0)
			abort();
		return;
	}
	(void)inventory_items(b->inventory, &n);
	log_info("live_inputs_listed", F_U64("ours", n));
	lease_take(b->lease, on_lease);
}

static void first_list(uv_timer_t *t)
{
	struct bridge *b = (struct bridge *)t->data;

	inventory_refresh(b->inventory, on_first_list, b);
}

static void on_db_lost(void *arg, const struct err *err)
{
	struct bridge *b = (struct bridge *)arg;

	if (!b->stopping)
		log_odd("database_lost", F_STR("why", err->msg));
	bridge_stop(b, 1);
}

static void on_lane_change(void *arg)
{
	bridge_wake((struct bridge *)arg);
}

static void on_lane_fatal(void *arg, const struct err *err)
{
	struct bridge *b = (struct bridge *)arg;

	if (err->status == ST_TRANSIENT) {
		on_db_lost(b, err); /* the lane heard of it first */
		return;
	}
	if (!b->stopping)
		log_broken("transactions_stopped", F_STR("why", err->msg));
	bridge_stop(b, 1);
}

static void on_signal(uv_signal_t *s, int number)
{
	log_info("stopping", F_I64("signal", number));
	bridge_stop((struct bridge *)s->data, 0);
}

/* All memory stays out of swap only where there is no limit to that: under one,
 * a locked heap that grows past it is a heap that cannot grow. The signing key
 * has a locked page of its own in any case. */
static void lock_memory(void)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

	if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0 &&
	    getrlimit(RLIMIT_MEMLOCK, &limit) != 0)
		abort();
	if (limit.rlim_cur == RLIM_INFINITY &&
	    mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0)
		return;
	log_info("memory_not_locked",
		 F_STR("hint", "only the signing key is kept out of swap; "
			       "LimitMEMLOCK=infinity locks everything"));
}

static void open_provider(struct bridge *b)
{
	const struct config *cfg = b->cfg;
	struct cf_opts opts = {
		.loop = b->loop,
		.http = b->http,
		.api_url = cfg->cloudflare.api_url,
		.account_id = cfg->cloudflare.account_id,
		.api_token = cfg->cloudflare.api_token,
		.customer_code = cfg->cloudflare.customer_code,
		.deployment = b->facts.deployment,
		.signer = b->facts.signer,
		.timeout_ms = cfg->cloudflare.request_timeout_ms,
		.rate_burst = cfg->cloudflare.rate_burst,
		.rate_per_s = cfg->cloudflare.rate_per_s,
		.prefer_low_latency = cfg->cloudflare.prefer_low_latency,
		.allowed_origins = cfg->cloudflare.allowed_origins,
		.allowed_origin_count = cfg->cloudflare.allowed_origin_count,
		.on_limited = control_limited,
		.arg = b,
	};

	b->cf = cloudflare_new(&opts);
	if (b->limited_ms)
		cloudflare_block(b->cf, b->limited_ms);
	b->inventory = inventory_new(b->cf);
	b->lease = lease_new(b);
}

static void open_lanes(struct bridge *b)
{
	const struct config *cfg = b->cfg;
	struct txmgr_opts opts = {
		.loop = b->loop,
		.db = b->db,
		.rpcs = b->rpcs,
		.rpc_count = b->rpc_count,
		.chain_id = cfg->chain.chain_id,
		.term = b->facts.term,
		.confirm_by_tag = cfg->chain.confirm != CONFIRM_DEPTH,
		.confirm_tag = config_confirm_name(cfg),
		.confirmations = cfg->chain.confirmations,
		.poll_ms = cfg->bridge.poll_ms,
		.max_fee_gwei = cfg->bridge.max_fee_gwei,
		.bump_after_s = cfg->bridge.bump_after_s,
		.on_change = on_lane_change,
		.on_fatal = on_lane_fatal,
		.arg = b,
	};

	memcpy(opts.registry.b, cfg->registry.address, 20);
	b->lanes = lanes_new(&(struct lanes_opts){
	    .lane = opts,
	    .keys = b->keys,
	    .key_count = b->key_count,
	    .batch_max = cfg->bridge.batch_max,
	    .batch_calldata_max = cfg->bridge.batch_calldata_max,
	    .batch_wait_ms = cfg->bridge.batch_wait_ms,
	    .paused = true, /* until control_read() lets them */
	});
}

static void open_policy(struct bridge *b)
{
	const struct config *cfg = b->cfg;
	struct policy_rules rules = {
		.allow = (const uint8_t(*)[20])cfg->policy.allow_hosts,
		.allow_count = cfg->policy.allow_host_count,
		.deny = (const uint8_t(*)[20])cfg->policy.deny_hosts,
		.deny_count = cfg->policy.deny_host_count,
		.host_open_max = cfg->policy.host_open_max,
		.host_day_max = cfg->policy.host_day_max,
		.open_max = cfg->policy.open_max,
	};

	b->policy = policy_new(&rules);
	breaker_init(&b->breaker, cfg->bridge.breaker_max);
	b->refusals_wait = true;
}

static void watch(struct bridge *b)
{
	b->poll.data = b->sweep.data = b->later.data = b;
	b->sigterm.data = b->sigint.data = b;
	if (uv_timer_init(b->loop, &b->poll) ||
	    uv_timer_init(b->loop, &b->sweep) ||
	    uv_timer_init(b->loop, &b->later) ||
	    uv_signal_init(b->loop, &b->sigterm) ||
	    uv_signal_init(b->loop, &b->sigint) ||
	    uv_signal_start(&b->sigterm, on_signal, SIGTERM) ||
	    uv_signal_start(&b->sigint, on_signal, SIGINT))
		abort();
}

static void start_timers(struct bridge *b)
{
	const struct config *cfg = b->cfg;
	uint64_t poll = cfg->bridge.poll_ms ? cfg->bridge.poll_ms : 1000;
	uint64_t sweep = (uint64_t)cfg->bridge.sweep_every_s * 1000;

	if (uv_timer_start(&b->poll, on_poll, poll, poll))
		abort();
	if (sweep && uv_timer_start(&b->sweep, on_sweep, sweep, sweep))
		abort();
}

static void work(struct bridge *b)
{
	b->started_ms = uv_now(b->loop);
	open_policy(b);
	open_provider(b);
	open_lanes(b);
	start_timers(b);
	b->audit = audit_new(b);
	b->media = media_new(b);
	db_on_lost(b->db, on_db_lost, b);
	db_listen(b->db, "chain_block", on_block, b);
	db_listen(b->db, "bridge_control", on_control, b);
	log_info("leading", F_STR("deployment", b->facts.deployment),
		 F_I64("term", b->facts.term),
		 F_U64("signers", b->signer_count),
		 F_U64("origin", b->facts.origin_id));
	first_list(&b->later);
	(void)uv_run(b->loop, UV_RUN_DEFAULT);
}

static void close_all(struct bridge *b)
{
	size_t i;

	lanes_free(b->lanes);
	cloudflare_free(b->cf);
	sweep_stop(b);
	inventory_free(b->inventory);
	audit_free(b->audit);
	media_free(b->media);
	policy_free(b->policy);
	lease_free(b->lease);
	db_close(b->db);
	backlog_drop(b);
	while (b->jobs)
		job_end(b->jobs);
	for (i = 0; i < b->rpc_count; i++)
		rpc_free(b->rpcs[i]);
	free(b->rpcs);
	http_free(b->http);
	for (i = 0; i < b->signer_count; i++)
		signer_close(b->signers[i]);
	free(b->signers);
	unseal_close(b->unseal);
	report_free(b->report);
	uv_close((uv_handle_t *)&b->poll, NULL);
	uv_close((uv_handle_t *)&b->sweep, NULL);
	uv_close((uv_handle_t *)&b->later, NULL);
	uv_close((uv_handle_t *)&b->sigterm, NULL);
	uv_close((uv_handle_t *)&b->sigint, NULL);
}

/* Leaves the process: what is still on the loop may touch it. */
static void end_now(int code)
{
	log_odd("stop_cut_short");
	_exit(code);
}

int bridge_run(const struct config *cfg)
{
	uv_loop_t loop;
	struct bridge b = { .loop = &loop, .cfg = cfg };
	struct err err;
	enum status st;

	lock_memory();
	if (uv_loop_init(&loop) != 0)
		abort();
	watch(&b);
	b.report = report_new(&b);
	st = lead_open(&b, &err);
	if (st == ST_OK)
		st = lead_begin(&b, &err);
	if (!b.stopping && st == ST_OK) {
		work(&b);
	} else if (!b.stopping) {
		log_broken("cannot_start", F_STR("why", err.msg));
		b.exit_code = 1;
	}
	close_all(&b);
	if (!loop_finish(&loop, STOP_MS))
		end_now(b.exit_code);
	return b.exit_code;
}
