/* See secret.h. */
#include "base/secret.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const char *judge_line(char *text, ssize_t len)
{
	if (len < 0)
		return strerror(errno);
	if (len == FT_SETTING_MAX)
		return "is too long; one line of at most 254 bytes is needed";
	if (len > 0 && text[len - 1] == '\n')
		len--;
	if (len > 0 && text[len - 1] == '\r')
		len--;
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		len -= 3;
		memmove(text, text + 3, (size_t)len);
	}
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
	int fd = ft_file_openat(AT_FDCWD, path, O_RDONLY, 0);

	if (fd < 0)
		return ft_file_error(errno);
	const char *fault = ft_file_judge(path, FT_FILE_SECRET);
	if (fault == NULL)
		fault = judge_line(out, read(fd, out, FT_SETTING_MAX));
	close(fd);
	return fault;
}
