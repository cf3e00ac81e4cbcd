#ifndef CX_CORE_CRASH_H
#define CX_CORE_CRASH_H

/*
 * Points at which a test ends the process as kill -9 would: before and after
 * every commit and every outside call. Only a build with -DCX_CRASH=ON has
 * them; in every other one they are nothing. The environment says where:
 *
 *   CHAINCAST_CRASH_AT=17                       the 17th point
 *   CHAINCAST_CRASH_AT="http.after PUT x#2"     the 2nd point of that name
 *   unset                                       nowhere
 *
 * Each point is a debug line: event=crash_point n=… point="http.after PUT x".
 * The process ends with the code CRASH_EXIT_CODE, nothing flushed or closed.
 */
#define CRASH_EXIT_CODE 86

enum crash_when { CRASH_BEFORE, CRASH_AFTER };

#ifdef CX_CRASH
/** crash_point - count one point, and end here if it is the one
 * @kind: the waist: "db", "http" or "rpc"
 * @name: what is done there; holds no secret */
void crash_point(enum crash_when when, const char *kind, const char *name);
/** crash_http - the same for a request; of the URL's path only the last two
 * segments are named, and long ones (identifiers, keys) not at all */
void crash_http(enum crash_when when, const char *method, const char *url);
/** crash_rpc - the same for a call; one that only reads is no point */
void crash_rpc(enum crash_when when, const char *method);
#else
static inline void crash_http(enum crash_when when, const char *method,
			      const char *url)
{
	(void)when;
	(void)method;
	(void)url;
}

static inline void crash_rpc(enum crash_when when, const char *method)
{
	(void)when;
	(void)method;
}
#endif

#endif
