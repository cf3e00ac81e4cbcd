/*
 * What each operation asks: its method and place in the queue, its path and
 * body. Pure: it sends nothing and knows no room.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/cf_wire.h"
#include "core/buf.h"
#include "core/json.h"

/* A rotation stops whoever has keys that they should not have. */
const struct cf_traits *cf_traits(enum cf_op op)
{
	static const struct cf_traits all[CF_OPS] = {
		[CF_CREATE] = { "create", "POST", CF_CLASS_CREATE,
				CF_SHAPE_INPUT },
		[CF_LIST] = { "list", "GET", CF_CLASS_OTHER, CF_SHAPE_LIST },
		[CF_GET] = { "get", "GET", CF_CLASS_OTHER, CF_SHAPE_INPUT },
		[CF_ENABLE] = { "enable", "PUT", CF_CLASS_OTHER,
				CF_SHAPE_PLAIN },
		[CF_DISABLE] = { "disable", "PUT", CF_CLASS_STOP,
				 CF_SHAPE_PLAIN },
		[CF_SET_DAYS] = { "set_days", "PUT", CF_CLASS_CREATE,
				  CF_SHAPE_PLAIN },
		[CF_ROTATE] = { "rotate", "POST", CF_CLASS_STOP,
				CF_SHAPE_PLAIN },
		[CF_DELETE] = { "delete", "DELETE", CF_CLASS_STOP,
				CF_SHAPE_NONE },
		[CF_VIDEOS] = { "videos", "GET", CF_CLASS_STOP,
				CF_SHAPE_VIDEOS },
		[CF_VIDEO_DELETE] = { "video_delete", "DELETE", CF_CLASS_STOP,
				      CF_SHAPE_NONE },
		[CF_RECORDINGS] = { "recordings", "GET", CF_CLASS_OTHER,
				    CF_SHAPE_VIDEOS },
		[CF_LEASE_MAKE] = { "lease_make", "POST", CF_CLASS_STOP,
				    CF_SHAPE_INPUT },
		[CF_LEASE_BEAT] = { "lease_beat", "PUT", CF_CLASS_STOP,
				    CF_SHAPE_INPUT },
		[CF_OUTPUT_CREATE] = { "output_create", "POST", CF_CLASS_CREATE,
				       CF_SHAPE_OUTPUT },
		[CF_OUTPUTS] = { "outputs", "GET", CF_CLASS_OTHER,
				 CF_SHAPE_OUTPUTS },
		[CF_OUTPUT_ENABLE] = { "output_enable", "PUT", CF_CLASS_OTHER,
				       CF_SHAPE_PLAIN },
		[CF_OUTPUT_DISABLE] = { "output_disable", "PUT", CF_CLASS_STOP,
					CF_SHAPE_PLAIN },
		[CF_OUTPUT_DELETE] = { "output_delete", "DELETE", CF_CLASS_STOP,
				       CF_SHAPE_NONE },
	};

	return &all[op];
}

const char *cf_op_name(enum cf_op op)
{
	return cf_traits(op)->name;
}

char *cf_format(const char *fmt, ...)
{
	va_list ap;
	char *s = NULL;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n < 0)
		abort();
	return mem_check(s);
}

static void add_recording(const struct cf_opts *opts, cJSON *body,
			  const struct cf_request *req)
{
	cJSON *rec = cJSON_AddObjectToObject(body, "recording");
	cJSON *origins;
	size_t i;

	/* "off" would end HLS and DASH playback as well. */
	cJSON_AddStringToObject(rec, "mode", "automatic");
	cJSON_AddBoolToObject(rec, "requireSignedURLs", req->require_signed);
	if (opts->allowed_origin_count == 0)
		return;
	origins = cJSON_AddArrayToObject(rec, "allowedOrigins");
	for (i = 0; i < opts->allowed_origin_count; i++)
		cJSON_AddItemToArray(
		    origins, cJSON_CreateString(opts->allowed_origins[i]));
}

static char *create_body(const struct cf_opts *opts,
			 const struct cf_request *req)
{
	AUTO_JSON cJSON *body = cJSON_CreateObject();
	cJSON *meta = cJSON_AddObjectToObject(body, "meta");
	char *text;

	cJSON_AddStringToObject(meta, "name", req->name);
	cJSON_AddStringToObject(meta, "chaincast", opts->deployment);
	cJSON_AddStringToObject(meta, "room", req->room);
	cJSON_AddStringToObject(body, "defaultCreator", req->host);
	cJSON_AddBoolToObject(body, "enabled", true);
	cJSON_AddBoolToObject(body, "preferLowLatency",
			      opts->prefer_low_latency && req->low_latency);
	if (req->recording_days)
		cJSON_AddNumberToObject(body, "deleteRecordingAfterDays",
					req->recording_days);
	add_recording(opts, body, req);
	text = cJSON_PrintUnformatted(body);
	if (!text)
		abort();
	return text;
}

/* Members that are absent keep their value, and null takes this one away. */
static char *days_body(uint32_t days)
{
	return days ? cf_format("{\"deleteRecordingAfterDays\":%" PRIu32 "}",
				days)
		    : mem_strdup("{\"deleteRecordingAfterDays\":null}");
}

static char *lease_body(const struct cf_lease *l)
{
	return cf_format("{\"meta\":{\"name\":\"chaincast: which bridge works "
			 "(keep)\",\"lease\":\"%s\",\"signer\":\"%s\","
			 "\"holder\":\"%s\",\"beat\":\"%" PRIu64 "\"}}",
			 l->deployment, l->signer, l->holder, l->beat);
}

/* cJSON_Print would leave copies of the key behind. */
static char *output_body(const struct cf_request *req)
{
	AUTO_SECRET_BUF b = BUF_NULL;

	buf_init(&b, 4 * CF_TARGET_SIZE);
	buf_add_str(&b, "{\"url\":");
	json_add_str(&b, req->target_url);
	buf_add_str(&b, ",\"streamKey\":");
	json_add_str(&b, req->target_key);
	buf_printf(&b, ",\"enabled\":%s}", req->output_on ? "true" : "false");
	if (b.overflow)
		abort(); /* escapes double what target_parse() lets through */
	return mem_strdup(buf_str(&b));
}

static void fill_output(struct cf_wire *w, const struct cf_request *req)
{
	if (req->op == CF_OUTPUT_CREATE || req->op == CF_OUTPUTS)
		w->path = cf_format("/live_inputs/%s/outputs", req->uid);
	else
		w->path = cf_format("/live_inputs/%s/outputs/%s", req->uid,
				    req->output);
	if (req->op == CF_OUTPUT_CREATE)
		w->body = output_body(req);
	else if (req->op == CF_OUTPUT_ENABLE || req->op == CF_OUTPUT_DISABLE)
		w->body =
		    cf_format("{\"enabled\":%s}",
			      req->op == CF_OUTPUT_ENABLE ? "true" : "false");
}

void cf_wire_fill(struct cf_wire *w, const struct cf_opts *opts,
		  const struct cf_request *req)
{
	switch (req->op) {
	case CF_CREATE:
		w->path = mem_strdup("/live_inputs");
		w->body = create_body(opts, req);
		w->extra = cf_format("Idempotency-Key: %s-%s-%" PRIu32,
				     opts->deployment, req->room, req->attempt);
		return;
	case CF_LIST:
		w->path = mem_strdup("/live_inputs?include_counts=true");
		return;
	case CF_GET:
	case CF_DELETE:
		w->path = cf_format("/live_inputs/%s", req->uid);
		return;
	case CF_ENABLE:
	case CF_DISABLE:
		w->path = cf_format("/live_inputs/%s", req->uid);
		w->body = cf_format("{\"enabled\":%s}",
				    req->op == CF_ENABLE ? "true" : "false");
		return;
	case CF_SET_DAYS:
		w->path = cf_format("/live_inputs/%s", req->uid);
		w->body = days_body(req->recording_days);
		return;
	case CF_ROTATE:
		w->path = cf_format("/live_inputs/%s/rotate_keys", req->uid);
		return;
	case CF_VIDEOS:
		w->path = cf_format("/live_inputs/%s/videos", req->uid);
		return;
	case CF_VIDEO_DELETE:
		w->path = cf_format("/%s", req->uid);
		return;
	case CF_RECORDINGS:
		w->path = cf_format("?live_input_id=%s", req->uid);
		return;
	case CF_LEASE_MAKE:
		w->path = mem_strdup("/live_inputs");
		w->body = lease_body(req->lease);
		return;
	case CF_LEASE_BEAT:
		w->path = cf_format("/live_inputs/%s", req->uid);
		w->body = lease_body(req->lease);
		return;
	case CF_OUTPUT_CREATE:
	case CF_OUTPUTS:
	case CF_OUTPUT_ENABLE:
	case CF_OUTPUT_DISABLE:
	case CF_OUTPUT_DELETE:
		fill_output(w, req);
		return;
	}
	abort();
}

void cf_wire_wipe(struct cf_wire *w)
{
	if (w->body)
		explicit_bzero(w->body, strlen(w->body)); /* a target's key */
	free(w->path);
	free(w->body);
	free(w->extra);
	*w = (struct cf_wire){ 0 };
}
