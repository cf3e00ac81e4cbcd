/*
 * Reads the JSON that Cloudflare Stream answers. Pure: no I/O, no clock. The
 * trees may hold credentials and are overwritten before they are freed.
 */
#include "bridge/cf_parse.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/json.h"

#define STATE_CHARS "abcdefghijklmnopqrstuvwxyz-_"

bool cf_uid_ok(const char *uid)
{
	return strlen(uid) == CF_UID_SIZE - 1 &&
	       strspn(uid, "0123456789abcdef") == CF_UID_SIZE - 1;
}

/* Copies what fits; what does not fit counts as absent, never as cut. */
static void copy_str(char *out, size_t size, const cJSON *obj, const char *key)
{
	const char *s = json_str_or(obj, key, "");
	size_t n = strlen(s);

	out[0] = '\0';
	if (n < size)
		memcpy(out, s, n + 1);
}

static void copy_uid(char out[static CF_UID_SIZE], const cJSON *obj)
{
	copy_str(out, CF_UID_SIZE, obj, "uid");
	if (!cf_uid_ok(out))
		out[0] = '\0';
}

static void copy_meta(char *mark, char *room, const cJSON *obj)
{
	const cJSON *meta = cJSON_GetObjectItemCaseSensitive(obj, "meta");

	copy_str(mark, CF_MARK_SIZE, meta, "chaincast");
	copy_str(room, CF_ROOM_SIZE, meta, "room");
	if (*room == '\0' || strspn(room, "0123456789") != strlen(room))
		mark[0] = room[0] = '\0';
}

/* "2026-01-02T02:20:00[.…]Z" as Unix time; 0 when it reads otherwise. */
static int64_t parse_time(const cJSON *obj, const char *key)
{
	const char *s = json_str_or(obj, key, "");
	struct tm tm = { 0 };
	const char *end = strptime(s, "%Y-%m-%dT%H:%M:%S", &tm);
	time_t t;

	if (!end || (*end != 'Z' && *end != '.'))
		return 0;
	t = timegm(&tm);
	return t < 0 ? 0 : (int64_t)t;
}

static void read_envelope(struct cf_envelope *env, const cJSON *root)
{
	const cJSON *errors = cJSON_GetObjectItemCaseSensitive(root, "errors");
	const cJSON *first = cJSON_GetArrayItem(errors, 0);
	const cJSON *code = cJSON_GetObjectItemCaseSensitive(first, "code");
	char *p;

	*env = (struct cf_envelope){
		.success = cJSON_IsTrue(
		    cJSON_GetObjectItemCaseSensitive(root, "success")),
	};
	if (cJSON_IsNumber(code) && code->valuedouble > -1e15 &&
	    code->valuedouble < 1e15)
		env->code = (int64_t)code->valuedouble;
	(void)snprintf(env->message, sizeof(env->message), "%s",
		       json_str_or(first, "message", ""));
	for (p = env->message; *p; p++)
		if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f)
			*p = '?';
}

static enum status open_envelope(cJSON **root, struct cf_envelope *env,
				 const char *text, size_t len, struct err *err)
{
	enum status st =
	    json_parse(root, text, len, "cloudflare's answer", err);

	if (st != ST_OK)
		return st;
	if (!cJSON_IsObject(*root) ||
	    !cJSON_IsBool(cJSON_GetObjectItemCaseSensitive(*root, "success")))
		return err_set(err, ST_REJECTED,
			       "cloudflare's answer has no member success");
	read_envelope(env, *root);
	return ST_OK;
}

/* The code of https://customer-<CODE>.cloudflarestream.com/… */
static void copy_customer(char *out, size_t size, const char *url)
{
	static const char host[] = "//customer-";
	const char *p = strstr(url, host);
	size_t n;

	out[0] = '\0';
	if (!p)
		return;
	p += sizeof(host) - 1;
	n = strcspn(p, "./:?#");
	if (n < size) {
		memcpy(out, p, n);
		out[n] = '\0';
	}
}

static const cJSON *member(const cJSON *obj, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(obj, key);
}

static void read_lease(struct cf_lease *out, const cJSON *obj)
{
	const cJSON *meta = member(obj, "meta");
	const char *beat = json_str_or(meta, "beat", "");

	*out = (struct cf_lease){ 0 };
	copy_uid(out->uid, obj);
	copy_str(out->deployment, sizeof(out->deployment), meta, "lease");
	copy_str(out->signer, sizeof(out->signer), meta, "signer");
	copy_str(out->holder, sizeof(out->holder), meta, "holder");
	out->created_s = parse_time(obj, "created");
	if (*beat && strlen(beat) < 19 &&
	    strspn(beat, "0123456789") == strlen(beat))
		out->beat = strtoull(beat, NULL, 10);
	if (*out->uid == '\0')
		out->deployment[0] = '\0';
}

static void read_input(struct cf_input *out, const cJSON *result)
{
	const cJSON *rtmps = member(result, "rtmps");
	const cJSON *srt = member(result, "srt");
	const cJSON *whip = member(result, "webRTC");
	struct credentials *c = &out->credentials;

	copy_uid(out->uid, result);
	copy_meta(out->mark, out->room, result);
	read_lease(&out->lease, result);
	out->enabled = !cJSON_IsFalse(member(result, "enabled"));
	copy_str(c->rtmps_url, sizeof(c->rtmps_url), rtmps, "url");
	copy_str(c->rtmps_key, sizeof(c->rtmps_key), rtmps, "streamKey");
	copy_str(c->srt_url, sizeof(c->srt_url), srt, "url");
	copy_str(c->srt_id, sizeof(c->srt_id), srt, "streamId");
	copy_str(c->srt_pass, sizeof(c->srt_pass), srt, "passphrase");
	copy_str(c->whip, sizeof(c->whip), whip, "url");
	copy_customer(out->customer_code, sizeof(out->customer_code),
		      json_str_or(member(result, "webRTCPlayback"), "url", ""));
	if (*out->customer_code == '\0')
		copy_customer(
		    out->customer_code, sizeof(out->customer_code),
		    json_str_or(member(result, "playback"), "hls", ""));
}

void cf_input_wipe(struct cf_input *in)
{
	explicit_bzero(in, sizeof(*in));
}

enum status cf_parse_input(struct cf_envelope *env, struct cf_input *out,
			   const char *text, size_t len, struct err *err)
{
	AUTO_SECRET_JSON cJSON *root = NULL;
	struct cf_envelope e;
	const cJSON *result;
	enum status st = open_envelope(&root, &e, text, len, err);

	if (st != ST_OK)
		return st;
	result = member(root, "result");
	if (e.success && !cJSON_IsObject(result))
		return err_set(err, ST_REJECTED,
			       "cloudflare's answer has no live input in it");
	memset(out, 0, sizeof(*out));
	if (e.success)
		read_input(out, result);
	*env = e;
	return ST_OK;
}

static void add_item(struct cf_list *l, const cJSON *entry)
{
	struct cf_item item = { 0 };
	struct cf_lease lease;

	read_lease(&lease, entry);
	if (*lease.deployment && l->lease_count < CF_LEASES_MAX)
		l->leases[l->lease_count++] = lease;
	copy_uid(item.uid, entry);
	copy_meta(item.mark, item.room, entry);
	if (*item.uid == '\0' || *item.mark == '\0')
		return;
	item.enabled = !cJSON_IsFalse(member(entry, "enabled"));
	item.created_s = parse_time(entry, "created");
	l->items[l->count++] = item;
}

enum status cf_parse_list(struct cf_envelope *env, struct cf_list *out,
			  const char *text, size_t len, struct err *err)
{
	AUTO_SECRET_JSON cJSON *root = NULL;
	const cJSON *result, *inputs, *total, *entry;
	struct cf_list l = { 0 };
	size_t shown = 0;
	struct cf_envelope e;
	enum status st = open_envelope(&root, &e, text, len, err);

	if (st != ST_OK)
		return st;
	result = member(root, "result");
	inputs = member(result, "liveInputs");
	if (e.success && !cJSON_IsArray(inputs))
		return err_set(err, ST_REJECTED,
			       "cloudflare's list has no liveInputs");
	if (e.success) {
		cJSON_ArrayForEach(entry, inputs) shown++;
		if (shown > CF_LIST_MAX)
			return err_set(err, ST_REJECTED,
				       "cloudflare lists over %d live inputs",
				       CF_LIST_MAX);
		l.items = (struct cf_item *)mem_array(shown, sizeof(*l.items));
		cJSON_ArrayForEach(entry, inputs) add_item(&l, entry);
		total = member(result, "total");
		l.total = shown;
		if (cJSON_IsNumber(total) && total->valuedouble >= 0 &&
		    total->valuedouble < 1e9)
			l.total = (size_t)total->valuedouble;
		l.complete = l.total <= shown;
	}
	*out = l;
	*env = e;
	return ST_OK;
}

void cf_list_deinit(struct cf_list *l)
{
	free(l->items);
	*l = (struct cf_list){ 0 };
}

static void add_video(struct cf_videos *v, const cJSON *entry)
{
	const cJSON *duration = member(entry, "duration");
	const cJSON *size = member(entry, "size");
	struct cf_video video = { .duration_s = -1 };

	copy_uid(video.uid, entry);
	if (*video.uid == '\0')
		return;
	copy_str(video.state, sizeof(video.state), member(entry, "status"),
		 "state");
	if (video.state[strspn(video.state, STATE_CHARS)])
		video.state[0] = '\0';
	if (cJSON_IsNumber(duration) && duration->valuedouble >= 0 &&
	    duration->valuedouble < 1e9)
		video.duration_s = duration->valuedouble;
	if (cJSON_IsNumber(size) && size->valuedouble >= 0 &&
	    size->valuedouble < 1e15)
		video.size_bytes = (int64_t)size->valuedouble;
	video.created_s = parse_time(entry, "created");
	video.ready_s = parse_time(entry, "readyToStreamAt");
	video.deletes_s = parse_time(entry, "scheduledDeletion");
	v->items[v->count++] = video;
}

enum status cf_parse_videos(struct cf_envelope *env, struct cf_videos *out,
			    const char *text, size_t len, struct err *err)
{
	AUTO_SECRET_JSON cJSON *root = NULL;
	struct cf_videos v = { 0 };
	const cJSON *result, *entry;
	size_t n = 0;
	struct cf_envelope e;
	enum status st = open_envelope(&root, &e, text, len, err);

	if (st != ST_OK)
		return st;
	result = member(root, "result");
	if (e.success && !cJSON_IsArray(result))
		return err_set(err, ST_REJECTED,
			       "cloudflare's list of videos is no array");
	if (e.success) {
		cJSON_ArrayForEach(entry, result) n++;
		if (n > CF_VIDEOS_MAX)
			return err_set(err, ST_REJECTED,
				       "cloudflare lists over %d videos",
				       CF_VIDEOS_MAX);
		v.items = (struct cf_video *)mem_array(n, sizeof(*v.items));
		cJSON_ArrayForEach(entry, result) add_video(&v, entry);
	}
	*out = v;
	*env = e;
	return ST_OK;
}

void cf_videos_deinit(struct cf_videos *v)
{
	free(v->items);
	*v = (struct cf_videos){ 0 };
}

static void read_output(struct cf_output *out, const cJSON *entry)
{
	copy_uid(out->uid, entry);
	out->enabled = !cJSON_IsFalse(member(entry, "enabled"));
	copy_str(out->url, sizeof(out->url), entry, "url");
	copy_str(out->key, sizeof(out->key), entry, "streamKey");
}

enum status cf_parse_output(struct cf_envelope *env, struct cf_output *out,
			    const char *text, size_t len, struct err *err)
{
	AUTO_SECRET_JSON cJSON *root = NULL;
	struct cf_envelope e;
	const cJSON *result;
	enum status st = open_envelope(&root, &e, text, len, err);

	if (st != ST_OK)
		return st;
	result = member(root, "result");
	if (e.success && !cJSON_IsObject(result))
		return err_set(err, ST_REJECTED,
			       "cloudflare's answer has no output in it");
	memset(out, 0, sizeof(*out));
	if (e.success)
		read_output(out, result);
	*env = e;
	return ST_OK;
}

enum status cf_parse_outputs(struct cf_envelope *env, struct cf_outputs *out,
			     const char *text, size_t len, struct err *err)
{
	AUTO_SECRET_JSON cJSON *root = NULL;
	struct cf_outputs o = { 0 };
	const cJSON *result, *entry;
	size_t n = 0;
	struct cf_envelope e;
	enum status st = open_envelope(&root, &e, text, len, err);

	if (st != ST_OK)
		return st;
	result = member(root, "result");
	if (e.success && !cJSON_IsArray(result))
		return err_set(err, ST_REJECTED,
			       "cloudflare's list of outputs is no array");
	if (e.success) {
		cJSON_ArrayForEach(entry, result) n++;
		if (n > CF_OUTPUTS_MAX)
			return err_set(err, ST_REJECTED,
				       "cloudflare lists over %d outputs",
				       CF_OUTPUTS_MAX);
		o.items = (struct cf_output *)mem_array(n, sizeof(*o.items));
		cJSON_ArrayForEach(entry, result)
		{
			read_output(&o.items[o.count], entry);
			o.count += *o.items[o.count].uid != '\0';
		}
		/* What an unusable entry left in the next place. */
		if (o.count < n)
			cf_output_wipe(&o.items[o.count]);
	}
	*out = o;
	*env = e;
	return ST_OK;
}

void cf_output_wipe(struct cf_output *o)
{
	explicit_bzero(o, sizeof(*o));
}

void cf_outputs_wipe(struct cf_outputs *o)
{
	if (o->items)
		explicit_bzero(o->items, o->count * sizeof(*o->items));
	free(o->items);
	*o = (struct cf_outputs){ 0 };
}

enum status cf_parse_plain(struct cf_envelope *env, const char *text,
			   size_t len, struct err *err)
{
	AUTO_SECRET_JSON cJSON *root = NULL;

	return open_envelope(&root, env, text, len, err);
}
