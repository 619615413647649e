/* See secret.h. */
#include "arbiter/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/* linux/posix_acl_xattr.h: a version, and then entries, all little-endian. */
#define ACL_VERSION   2
#define ACL_HEAD      4
#define ACL_ENTRY     8
#define ACL_XATTR     "system.posix_acl_access"
#define ACL_USER_OBJ  0x01
#define ACL_USER      0x02
#define ACL_MASK      0x10
#define ACL_BYTES_MAX 1024

static uint32_t little(const uint8_t *at, int bytes)
{
	uint32_t value = 0;

	for (int i = bytes - 1; i >= 0; i--)
		value = value << 8 | at[i];
	return value;
}

bool ft_secret_acl_opens(const void *acl, size_t size, uid_t user)
{
	const uint8_t *at = acl, *end = at + size;

	if (size < ACL_HEAD || (size - ACL_HEAD) % ACL_ENTRY != 0 || little(at, 4) != ACL_VERSION)
		return true;
	for (at += ACL_HEAD; at < end; at += ACL_ENTRY) {
		uint32_t tag = little(at, 2), bits = little(at + 2, 2), id = little(at + 4, 4);
		bool ours = tag == ACL_USER_OBJ || tag == ACL_MASK || (tag == ACL_USER && id == user);
		/* What the mask takes away again is not looked at: such an entry is a mistake, and one step from open. */
		if (!ours && bits != 0)
			return true;
	}
	return false;
}

static bool acl_allows_us_alone(int fd)
{
	uint8_t acl[ACL_BYTES_MAX];
	ssize_t size = fgetxattr(fd, ACL_XATTR, acl, sizeof(acl));

	return size > 0 && !ft_secret_acl_opens(acl, (size_t)size, geteuid());
}

const char *ft_secret_judge(int fd)
{
	static char text[FT_TEXT_MAX];
	struct stat st;

	if (fstat(fd, &st) != 0)
		return strerror(errno);
	if (!S_ISREG(st.st_mode))
		return "is not a regular file";
	if (st.st_uid != geteuid() && st.st_uid != 0) {
		(void)snprintf(text, sizeof(text),
		               "belongs to another user (%u); it must belong to the user of ftd or to root",
		               (unsigned)st.st_uid);
		return text;
	}
	bool open_to_others = st.st_mode & (S_IRWXG | S_IRWXO);
	if (!open_to_others || (!(st.st_mode & S_IRWXO) && acl_allows_us_alone(fd)))
		return NULL;
	(void)snprintf(text, sizeof(text),
	               "has mode %04o, so it can be reached by others; mode 0600 is needed (chmod 600)",
	               (unsigned)(st.st_mode & 07777));
	return text;
}

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
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return strerror(errno);
	const char *fault = ft_secret_judge(fd);
	if (fault == NULL)
		fault = judge_line(out, read(fd, out, FT_SETTING_MAX));
	close(fd);
	return fault;
}
