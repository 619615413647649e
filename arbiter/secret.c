/* See secret.h. */
#include "arbiter/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *judge_file(int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return strerror(errno);
	if (!S_ISREG(st.st_mode))
		return "is not a regular file";
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return "belongs to another user; it must belong to the user of ftd or to root";
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return "can be reached by others; mode 0600 is needed (chmod 600)";
	return NULL;
}

static const char *judge_line(char *text, ssize_t len)
{
	if (len < 0)
		return strerror(errno);
	if (len == FT_SETTING_MAX)
		return "is too long; one line of at most 254 bytes is needed";
	if (len > 0 && text[len - 1] == '\n')
		len--;
	text[len] = '\0';
	if (len == 0)
		return "is empty; the password is needed, as one line";
	for (ssize_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return "holds control characters or a second line; the password alone is needed, as one line";
	}
	return NULL;
}

const char *ft_secret_read(const char *path, char out[FT_SETTING_MAX])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return strerror(errno);
	const char *fault = judge_file(fd);
	if (fault == NULL)
		fault = judge_line(out, read(fd, out, FT_SETTING_MAX));
	close(fd);
	return fault;
}
