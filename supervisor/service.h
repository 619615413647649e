/* What the service manager wants to hear (sd_notify): ready, status, watchdog.
 * Knows: libsystemd where present.  Must not know: libevent.  Without systemd every call does nothing. */
#ifndef FT_SUPERVISOR_SERVICE_H
#define FT_SUPERVISOR_SERVICE_H

#include <stdint.h>

void ft_service_ready(void);
void ft_service_stopping(void);
void ft_service_status(const char *text);
/* How often ft_service_alive must be called, microseconds; 0: nobody waits for it. */
uint64_t ft_service_watchdog_us(void);
void ft_service_alive(void);

#endif
