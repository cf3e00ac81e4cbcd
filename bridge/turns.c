/*
 * Which class of calls is next. It counts only, and knows no queue and no
 * clock.
 */
#include "bridge/turns.h"

enum cf_class turns_next(struct turns *t, const bool waits[CF_CLASSES])
{
	bool other = waits[CF_CLASS_OTHER], create = waits[CF_CLASS_CREATE];

	if (waits[CF_CLASS_STOP] &&
	    (t->stops < TURNS_STOPS || (!other && !create))) {
		t->stops = other || create ? t->stops + 1 : 0;
		return CF_CLASS_STOP;
	}
	if (!other && !create)
		return CF_CLASSES;
	t->stops = 0;
	t->last = other && (!create || t->last != CF_CLASS_OTHER)
		      ? CF_CLASS_OTHER
		      : CF_CLASS_CREATE;
	return t->last;
}
