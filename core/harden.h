#ifndef CX_CORE_HARDEN_H
#define CX_CORE_HARDEN_H

#include <stdbool.h>

/** harden_dumps - no core file and no memory for other processes of the user,
 * whatever the shell's limits say; the first thing a program does that will
 * hold a secret
 *
 * Return: false when the system refused.
 */
bool harden_dumps(void);

#endif
