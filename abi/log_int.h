#ifndef CX_ABI_LOG_INT_H
#define CX_ABI_LOG_INT_H

#include "abi/fields.h"
#include "abi/log.h"

/* Shared by the readers of logs and of receipts; nobody else's. */

/* Of a valid log no text is shorter: the names and the digits that it must
 * have. What is allocated for logs is thereby bounded by their text. */
#define LOG_TEXT_MIN 300
_Static_assert(sizeof(struct log) + 32 <= LOG_TEXT_MIN,
	       "a log takes no more memory than its text");

/* Logs while their count is not known yet; the heap's. */
struct log_list {
	struct log *items;
	size_t count, cap;
};

void log_list_deinit(struct log_list *l);
#define AUTO_LOG_LIST __attribute__((cleanup(log_list_deinit))) struct log_list

/** log_list_read - append the array of logs that comes next in the scan; what
 * is appended of a scan that went bad is of no use */
void log_list_read(struct log_list *l, struct arena *arena, struct reader *r);

#endif
