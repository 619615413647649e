/* Key files: one key of 64 hex digits each.
 * Knows: files, libsodium.  Must not know: what the keys are used for. */
#include "base/file.h"
#include "config/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_DIGITS ((size_t)2 * FT_KEY_BYTES)

static int refuse(char why[FT_KEY_WHY_MAX], const char *text)
{
	(void)snprintf(why, FT_KEY_WHY_MAX, "%s", text);
	return -1;
}

static int refuse_errno(char why[FT_KEY_WHY_MAX], const char *what)
{
	(void)snprintf(why, FT_KEY_WHY_MAX, "%s: %s; a file made by `ftctl genkey` is needed", what, strerror(errno));
	return -1;
}

static void name_key(struct ft_key *key)
{
	uint8_t hash[crypto_generichash_BYTES];

	crypto_generichash(hash, sizeof(hash), key->bytes, sizeof(key->bytes), NULL, 0);
	key->id = (uint32_t)hash[0] << 24 | (uint32_t)hash[1] << 16 | (uint32_t)hash[2] << 8 | hash[3];
}

static int read_key(int fd, struct ft_key *out, char why[FT_KEY_WHY_MAX])
{
	char text[3 + KEY_DIGITS +
	          3]; /* a byte-order mark, the digits, the line's end, and one more to see that there is no more */
	size_t decoded = 0;
	ssize_t len = read(fd, text, sizeof(text));
	ssize_t from = len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0, digits = len - from;
	/* Without what other systems' editors leave. */
	if (digits > 0 && text[from + digits - 1] == '\n')
		digits--;
	if (digits > 0 && text[from + digits - 1] == '\r')
		digits--;
	bool hex = digits == (ssize_t)KEY_DIGITS &&
	           sodium_hex2bin(out->bytes, sizeof(out->bytes), text + from, KEY_DIGITS, NULL, &decoded, NULL) == 0 &&
	           decoded == FT_KEY_BYTES;

	sodium_memzero(text, sizeof(text));
	if (len < 0)
		return refuse_errno(why, "cannot be read");
	if (!hex)
		return refuse(
		    why, "holds no key; exactly 64 hex digits and an optional line feed are needed (`ftctl genkey`)");
	if (sodium_is_zero(out->bytes, sizeof(out->bytes)))
		return refuse(why, "holds a key of zeros, which is no secret; make one with `ftctl genkey`");
	name_key(out);
	return 0;
}

int ft_key_load(const char *path, struct ft_key *out, char why[FT_KEY_WHY_MAX])
{
	int fd = ft_file_openat(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW, 0);

	if (fd < 0) {
		if (errno == ELOOP)
			return refuse(why, "is a symbolic link; name the file itself");
		if (errno == EISDIR || errno == EMEDIUMTYPE)
			return refuse(why, "is not a regular file; a file made by `ftctl genkey` is needed");
		return refuse_errno(why, "cannot be opened");
	}
	const char *fault = ft_file_judge(path, FT_FILE_SECRET);
	int rc = fault ? refuse(why, fault) : read_key(fd, out, why);
	if (rc != 0)
		sodium_memzero(out, sizeof(*out));
	(void)close(fd);
	return rc;
}

/* The name of a new file is only safe on disk once its folder is. */
static int sync_folder(const char *path)
{
	char copy[FT_PATH_MAX];

	if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	int rc = fsync(fd);
	(void)close(fd);
	return rc;
}

static int write_key(int fd)
{
	uint8_t key[FT_KEY_BYTES];
	char text[KEY_DIGITS + 1];

	randombytes_buf(key, sizeof(key));
	sodium_bin2hex(text, sizeof(text), key, sizeof(key));
	text[KEY_DIGITS] = '\n'; /* in the NUL's place */
	errno = ENOSPC;          /* what a short write means */
	bool written = write(fd, text, sizeof(text)) == (ssize_t)sizeof(text);
	sodium_memzero(key, sizeof(key));
	sodium_memzero(text, sizeof(text));
	/* fchmod: the umask may have taken bits that the owner needs. */
	return written && fchmod(fd, S_IRUSR | S_IWUSR) == 0 && fsync(fd) == 0 ? 0 : -1;
}

int ft_key_generate(const char *path, FILE *errors)
{
	if (sodium_init() < 0) {
		(void)fprintf(errors, "%s: libsodium cannot start (no random numbers?); no key was made\n", path);
		return -1;
	}
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
	if (fd < 0) {
		(void)fprintf(errors, "%s: %s; %s\n", path, strerror(errno),
		              errno == EEXIST
		                  ? "an existing file is never overwritten: choose a new name or remove it first"
		                  : "a new file in an existing folder that may be written to is needed");
		return -1;
	}
	int rc = write_key(fd);
	int error = errno;
	if (close(fd) != 0 && rc == 0) {
		rc = -1;
		error = errno;
	}
	if (rc == 0 && sync_folder(path) != 0) {
		rc = -1;
		error = errno;
	}
	if (rc != 0) {
		(void)unlink(path);
		(void)fprintf(errors, "%s: the key could not be written: %s; no key was made\n", path, strerror(error));
	}
	return rc;
}
