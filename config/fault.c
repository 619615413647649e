/* A fault of ft.conf, told: the place, what is wrong, what is allowed.
 * Knows: where a setting stands.  Must not know: what is allowed. */
#include "config/internal.h"

#include <stdarg.h>

void ft_fault(struct ft_reader *r, struct ft_where w, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)fprintf(r->errors, "%s:", w.file ? w.file : r->c->path);
	if (w.line > 0)
		(void)fprintf(r->errors, "%u:", w.line);
	(void)fputc(' ', r->errors);
	(void)vfprintf(r->errors, format, args);
	(void)fputc('\n', r->errors);
	va_end(args);
	r->n_faults++;
}

struct ft_where ft_where(const config_setting_t *s)
{
	return (struct ft_where){config_setting_source_file(s), config_setting_source_line(s)};
}
