#ifndef CX_BRIDGE_TURNS_H
#define CX_BRIDGE_TURNS_H

#include <stdbool.h>

/* What a call is for. */
enum cf_class { CF_CLASS_STOP, CF_CLASS_OTHER, CF_CLASS_CREATE, CF_CLASSES };

/*
 * Whose call is next when the budget is short, a pure value. Stops come before
 * what else waits, but not before all of it: after three of them it is the
 * others' turn, and among those the two classes take turns one by one.
 */
#define TURNS_STOPS 3

struct turns {
	unsigned stops;     /* in a row, while others waited */
	enum cf_class last; /* of the others, whose turn was the last */
};

/** turns_next - the class whose call goes now; CF_CLASSES: none waits
 * @waits: by class, whether one does */
enum cf_class turns_next(struct turns *t, const bool waits[CF_CLASSES]);

#endif
