/* sd_notify, where libsystemd is present. */
#include "supervisor/service.h"

#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>

void ft_service_ready(void)
{
	sd_notify(0, "READY=1");
}

void ft_service_stopping(void)
{
	sd_notify(0, "STOPPING=1");
}

void ft_service_status(const char *text)
{
	sd_notifyf(0, "STATUS=%s", text);
}

uint64_t ft_service_watchdog_us(void)
{
	uint64_t us = 0;
	/* Half the period: one late call must not look like a hang. */
	return sd_watchdog_enabled(0, &us) > 0 ? us / 2 : 0;
}

void ft_service_alive(void)
{
	sd_notify(0, "WATCHDOG=1");
}
#else
void ft_service_ready(void)
{
}

void ft_service_stopping(void)
{
}

void ft_service_status(const char *text)
{
	(void)text;
}

uint64_t ft_service_watchdog_us(void)
{
	return 0;
}

void ft_service_alive(void)
{
}
#endif
