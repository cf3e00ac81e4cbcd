/*
 * curl's multi socket interface on a libuv loop: curl says which descriptors
 * and which timer it wants watched, libuv watches them, and what happened is
 * handed back. It knows nothing of requests; it never blocks.
 */
#include "core/http_int.h"

struct watch {
	uv_poll_t poll;
	struct http *http;
	curl_socket_t fd;
};

static void on_watch_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void on_http_closed(uv_handle_t *handle)
{
	free(handle->data);
}

/* Hands finished transfers to their calls. A callback may free @h. */
static void collect(struct http *h)
{
	CURLMsg *msg;
	int left;

	while (!h->closing && (msg = curl_multi_info_read(h->multi, &left))) {
		struct http_call *call = NULL;

		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE,
				  (char **)&call);
		http_call_finished(call, msg->data.result);
	}
}

static void on_timer(uv_timer_t *timer)
{
	struct http *h = timer->data;
	int running;

	curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect(h);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct watch *w = poll->data;
	struct http *h = w->http;
	int running;
	int flags = 0;

	if (h->closing)
		return;
	if (status < 0)
		flags = CURL_CSELECT_ERR;
	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	curl_multi_socket_action(h->multi, w->fd, flags, &running);
	collect(h);
}

static int timer_cb(CURLM *multi, long timeout_ms, void *arg)
{
	struct http *h = arg;

	(void)multi;
	if (timeout_ms < 0 || h->closing)
		uv_timer_stop(&h->timer);
	else
		uv_timer_start(&h->timer, on_timer, (uint64_t)timeout_ms, 0);
	return 0;
}

static int socket_cb(CURL *easy, curl_socket_t fd, int what, void *arg,
		     void *socket_arg)
{
	struct http *h = arg;
	struct watch *w = socket_arg;
	int events = 0;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (w) {
			curl_multi_assign(h->multi, fd, NULL);
			uv_close((uv_handle_t *)&w->poll, on_watch_closed);
		}
		return 0;
	}
	if (!w) {
		w = mem_zalloc(sizeof(*w));
		w->http = h;
		w->fd = fd;
		w->poll.data = w;
		if (uv_poll_init_socket(h->loop, &w->poll, fd) != 0) {
			free(w);
			return -1;
		}
		curl_multi_assign(h->multi, fd, w);
	}
	if (what != CURL_POLL_OUT)
		events |= UV_READABLE;
	if (what != CURL_POLL_IN)
		events |= UV_WRITABLE;
	uv_poll_start(&w->poll, events, on_poll);
	return 0;
}

void http_loop_init(struct http *h, uint32_t max_connections)
{
	static bool ready;

	if (!ready && curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
		abort();
	ready = true;
	h->multi = mem_check(curl_multi_init());
	uv_timer_init(h->loop, &h->timer);
	h->timer.data = h;
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, socket_cb);
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, timer_cb);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
	curl_multi_setopt(h->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
			  (long)max_connections);
	curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS,
			  (long)max_connections);
}

void http_loop_deinit(struct http *h)
{
	h->closing = true;
	curl_multi_cleanup(h->multi);
	h->multi = NULL;
	uv_close((uv_handle_t *)&h->timer, on_http_closed);
}
