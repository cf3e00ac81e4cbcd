#ifndef CX_CORE_HARDEN_H
#define CX_CORE_HARDEN_H

#include <stdbool.h>

/** harden_dumps - no core file and no memory for other processes of the user,
 * whatever the shell's limits say; the first thing a program does that will
 * hold a secret. A deadly signal of its own making is told on standard error
 * instead, with the addresses of the calls that led there ("addr2line -e
 * PROGRAM -f ADDRESS" names them).
 *
 * Return: false when the system refused.
 */
bool harden_dumps(void);

#endif
