/*
 * Reads the JSON that Cloudflare Stream answers. Pure: no I/O, no clock. The
 * trees may hold credentials and are overwritten before they are freed.
 */
#include "bridge/cf_parse.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/cf_json.h"
#include "core/json.h"

#define STATE_CHARS "abcdefghijklmnopqrstuvwxyz-_"

void cf_copy_meta(char *mark, char *room, const cJSON *obj)
{
	const cJSON *meta = cf_member(obj, "meta");

	cf_copy_str(mark, CF_MARK_SIZE, meta, "chaincast");
	cf_copy_str(room, CF_ROOM_SIZE, meta, "room");
	if (*room == '\0' || strspn(room, "0123456789") != strlen(room))
		mark[0] = room[0] = '\0';
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

uint16_t cf_read_days(const cJSON *obj)
{
	const cJSON *days = cf_member(obj, "deleteRecordingAfterDays");

	return cJSON_IsNumber(days) && days->valuedouble >= 1 &&
		       days->valuedouble <= UINT16_MAX
		   ? (uint16_t)days->valuedouble
		   : 0;
}

void cf_read_lease(struct cf_lease *out, const cJSON *obj)
{
	const cJSON *meta = cf_member(obj, "meta");
	const char *beat = json_str_or(meta, "beat", "");

	*out = (struct cf_lease){ 0 };
	cf_copy_uid(out->uid, obj);
	cf_copy_str(out->deployment, sizeof(out->deployment), meta, "lease");
	cf_copy_str(out->signer, sizeof(out->signer), meta, "signer");
	cf_copy_str(out->holder, sizeof(out->holder), meta, "holder");
	out->created_s = cf_time(obj, "created");
	if (*beat && strlen(beat) < 19 &&
	    strspn(beat, "0123456789") == strlen(beat))
		out->beat = strtoull(beat, NULL, 10);
	if (*out->uid == '\0')
		out->deployment[0] = '\0';
}

/* Whether two lists of keys have one in common. */
static bool shared_key(const char *a, const char *b)
{
	size_t n;

	for (; *a; a += n + (a[n] == ',')) {
		const char *p = b;
		size_t len;

		n = strcspn(a, ",");
		for (; *p; p += len + (p[len] == ',')) {
			len = strcspn(p, ",");
			if (n && len == n && memcmp(a, p, n) == 0)
				return true;
		}
	}
	return false;
}

bool cf_lease_concerns(const struct cf_lease *l, const char *mark,
		       const char *signer)
{
	return (*mark && strcmp(l->deployment, mark) == 0) ||
	       shared_key(l->signer, signer);
}

static void read_input(struct cf_input *out, const cJSON *result)
{
	const cJSON *rtmps = cf_member(result, "rtmps");
	const cJSON *srt = cf_member(result, "srt");
	const cJSON *whip = cf_member(result, "webRTC");
	struct credentials *c = &out->credentials;

	cf_copy_uid(out->uid, result);
	out->uid_absent = cf_absent(result, "uid");
	cf_copy_meta(out->mark, out->room, result);
	cf_read_lease(&out->lease, result);
	out->enabled = !cJSON_IsFalse(cf_member(result, "enabled"));
	out->recording_days = cf_read_days(result);
	cf_copy_str(c->rtmps_url, sizeof(c->rtmps_url), rtmps, "url");
	cf_copy_str(c->rtmps_key, sizeof(c->rtmps_key), rtmps, "streamKey");
	cf_copy_str(c->srt_url, sizeof(c->srt_url), srt, "url");
	cf_copy_str(c->srt_id, sizeof(c->srt_id), srt, "streamId");
	cf_copy_str(c->srt_pass, sizeof(c->srt_pass), srt, "passphrase");
	cf_copy_str(c->whip, sizeof(c->whip), whip, "url");
	copy_customer(
	    out->customer_code, sizeof(out->customer_code),
	    json_str_or(cf_member(result, "webRTCPlayback"), "url", ""));
	if (*out->customer_code == '\0')
		copy_customer(
		    out->customer_code, sizeof(out->customer_code),
		    json_str_or(cf_member(result, "playback"), "hls", ""));
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
	enum status st =
	    cf_open_one(&root, &e, &result, "live input", text, len, err);

	if (st != ST_OK)
		return st;
	memset(out, 0, sizeof(*out));
	if (result)
		read_input(out, result);
	*env = e;
	return ST_OK;
}

static void add_video(struct cf_videos *v, const cJSON *entry)
{
	const cJSON *duration = cf_member(entry, "duration");
	const cJSON *size = cf_member(entry, "size");
	struct cf_video video = { .duration_s = -1 };

	cf_copy_uid(video.uid, entry);
	if (*video.uid == '\0')
		return;
	cf_copy_str(video.input, sizeof(video.input), entry, "liveInput");
	video.named = !cf_absent(entry, "liveInput");
	cf_copy_str(video.state, sizeof(video.state),
		    cf_member(entry, "status"), "state");
	if (video.state[strspn(video.state, STATE_CHARS)])
		video.state[0] = '\0';
	if (cJSON_IsNumber(duration) && duration->valuedouble >= 0 &&
	    duration->valuedouble < 1e9)
		video.duration_s = duration->valuedouble;
	if (cJSON_IsNumber(size) && size->valuedouble >= 0 &&
	    size->valuedouble < 1e15)
		video.size_bytes = (int64_t)size->valuedouble;
	video.created_s = cf_time(entry, "created");
	video.ready_s = cf_time(entry, "readyToStreamAt");
	video.deletes_s = cf_time(entry, "scheduledDeletion");
	v->items[v->count++] = video;
}

enum status cf_parse_videos(struct cf_envelope *env, struct cf_videos *out,
			    const char *text, size_t len, struct err *err)
{
	static const struct cf_list_shape shape = { "videos", NULL,
						    CF_VIDEOS_MAX };
	AUTO_SECRET_JSON cJSON *root = NULL;
	struct cf_videos v = { 0 };
	const cJSON *videos, *entry;
	size_t n;
	struct cf_envelope e;
	enum status st =
	    cf_open_many(&root, &e, &videos, &n, &shape, text, len, err);

	if (st != ST_OK)
		return st;
	if (videos) {
		v.items = (struct cf_video *)mem_array(n, sizeof(*v.items));
		cJSON_ArrayForEach(entry, videos) add_video(&v, entry);
	}
	*out = v;
	*env = e;
	return ST_OK;
}

size_t cf_videos_of(struct cf_videos *v, const char *uid, bool unnamed)
{
	size_t i, kept = 0, had = v->count;

	for (i = 0; i < had; i++)
		if (strcmp(v->items[i].input, uid) == 0 ||
		    (unnamed && !v->items[i].named))
			v->items[kept++] = v->items[i];
	v->count = kept;
	return had - kept;
}

void cf_videos_deinit(struct cf_videos *v)
{
	free(v->items);
	*v = (struct cf_videos){ 0 };
}

static void read_output(struct cf_output *out, const cJSON *entry)
{
	cf_copy_uid(out->uid, entry);
	out->uid_absent = cf_absent(entry, "uid");
	out->enabled = !cJSON_IsFalse(cf_member(entry, "enabled"));
	cf_copy_str(out->url, sizeof(out->url), entry, "url");
	cf_copy_str(out->key, sizeof(out->key), entry, "streamKey");
}

enum status cf_parse_output(struct cf_envelope *env, struct cf_output *out,
			    const char *text, size_t len, struct err *err)
{
	AUTO_SECRET_JSON cJSON *root = NULL;
	struct cf_envelope e;
	const cJSON *result;
	enum status st =
	    cf_open_one(&root, &e, &result, "output", text, len, err);

	if (st != ST_OK)
		return st;
	memset(out, 0, sizeof(*out));
	if (result)
		read_output(out, result);
	*env = e;
	return ST_OK;
}

enum status cf_parse_outputs(struct cf_envelope *env, struct cf_outputs *out,
			     const char *text, size_t len, struct err *err)
{
	static const struct cf_list_shape shape = { "outputs", NULL,
						    CF_OUTPUTS_MAX };
	AUTO_SECRET_JSON cJSON *root = NULL;
	struct cf_outputs o = { 0 };
	const cJSON *outputs, *entry;
	size_t n;
	struct cf_envelope e;
	enum status st =
	    cf_open_many(&root, &e, &outputs, &n, &shape, text, len, err);

	if (st != ST_OK)
		return st;
	if (outputs) {
		o.items = (struct cf_output *)mem_array(n, sizeof(*o.items));
		cJSON_ArrayForEach(entry, outputs)
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

	return cf_open(&root, env, text, len, err);
}
