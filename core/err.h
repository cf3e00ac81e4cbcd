#ifndef CX_CORE_ERR_H
#define CX_CORE_ERR_H

#define MUST_CHECK        __attribute__((warn_unused_result))
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* What the caller must do next; never a description of the cause. */
enum status {
	ST_OK = 0,
	ST_AGAIN,     /* no progress possible yet; wait for the next event */
	ST_TRANSIENT, /* retry with backoff: timeout, 5xx, lost connection */
	ST_REORG,     /* parent mismatch; roll back one block */
	ST_REJECTED,  /* input or peer is wrong; retrying cannot help */
	ST_FATAL,     /* our bug or a broken environment; exit */
};

/* Set once, where it happens; callers forward it or act on it. */
struct err {
	enum status status;
	int line;
	const char *file;
	char msg[400];
};

/**
 * err_set - fill @err and return the status, so that a failure is one line:
 * `return err_set(err, ST_REJECTED, "rlp: short input (%zu bytes)", len);`
 * @err: may be NULL when the caller only wants the status
 */
#define err_set(err, status, ...)                                              \
	err_set_at((err), (status), __FILE__, __LINE__, __VA_ARGS__)

enum status err_set_at(struct err *err, enum status status, const char *file,
		       int line, const char *fmt, ...) PRINTF(5, 6);

/** status_name - "ok", "again", "transient", "reorg", "rejected", "fatal" */
const char *status_name(enum status status);

#endif
