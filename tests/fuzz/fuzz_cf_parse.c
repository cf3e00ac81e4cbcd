/* Any bytes as an answer of Cloudflare: the first chooses which. */
#include <assert.h>
#include <string.h>

#include "bridge/cf_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void sift_list(const char *text, size_t size)
{
	AUTO(cf_sieve)
	struct cf_sieve *s = cf_sieve_new("0011223344556677", "0xaa,0xbb");
	char room[CF_ITEM_ROOM_SIZE];
	AUTO_BUF rest = BUF_NULL;
	struct cf_envelope env;
	struct cf_list list;
	struct err err;

	buf_init(&rest, size + 1);
	cf_sift(s, text, size, &rest);
	if (cf_sifted(s, &env, &list, buf_str(&rest), rest.len, &err) != ST_OK)
		return;
	for (size_t i = 0; i < list.count; i++) {
		uint8_t again[12];

		assert(
		    cf_pack_room(again, cf_item_room(room, &list.items[i])) &&
		    memcmp(again, list.items[i].room, sizeof(again)) == 0);
	}
	cf_list_deinit(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cf_envelope env;
	struct cf_input input;
	struct cf_videos videos;
	struct cf_output output;
	struct cf_outputs outputs;
	const char *text;
	struct err err;
	size_t i;

	if (size == 0)
		return 0;
	text = (const char *)data + 1;
	size--;
	if (data[0] % 5 == 3) {
		if (cf_parse_input(&env, &input, text, size, &err) == ST_OK) {
			assert(!*input.uid || cf_uid_ok(input.uid));
			cf_input_wipe(&input);
		}
	} else if (data[0] % 5 == 4) {
		sift_list(text, size);
	} else if (data[0] % 5 == 1) {
		if (cf_parse_output(&env, &output, text, size, &err) == ST_OK) {
			assert(!*output.uid || cf_uid_ok(output.uid));
			cf_output_wipe(&output);
		}
	} else if (data[0] % 5 == 2) {
		if (cf_parse_outputs(&env, &outputs, text, size, &err) ==
		    ST_OK) {
			for (i = 0; i < outputs.count; i++)
				assert(cf_uid_ok(outputs.items[i].uid));
			cf_outputs_wipe(&outputs);
		}
	} else if (cf_parse_videos(&env, &videos, text, size, &err) == ST_OK) {
		for (i = 0; i < videos.count; i++)
			assert(cf_uid_ok(videos.items[i].uid));
		cf_videos_deinit(&videos);
	}
	return 0;
}
