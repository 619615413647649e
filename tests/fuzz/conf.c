/* ft.conf, whatever somebody has typed or generated into it. */
#include "config/config.h"
#include "tests/fuzz/fuzz.h"

#include <sys/stat.h>

/* libconfig's scanner keeps the text that it was reading when it gave up, and nothing of ours can give that back: a few bytes for
 * each file that is refused. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig.so\n";
}

/* The key that an input may name: as good as it must be, so that what comes behind it is looked at. */
static void make_key(void)
{
	char path[128];
	static const char key[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";
	fuzz_put("key", key, sizeof key - 1, path);
	LAW(chmod(path, 0600) == 0, "a key of one's own");
}

/* "@" stands for the folder that this process has. */
static void write_with_folder(const uint8_t *data, size_t size, char path[128])
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	for (size_t i = 0; i < size; i++)
		if (data[i] == '@')
			fputs(fuzz_folder(), f);
		else
			fputc(data[i], f);
	fclose(f);
	fuzz_put("ft.conf", text, len, path);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[128], *complaints = NULL;
	size_t len = 0;
	struct ft_config_places places;
	make_key();
	write_with_folder(data, size, path);
	FILE *errors = open_memstream(&complaints, &len);
	struct ft_config *config = ft_config_load(path, errors);
	fflush(errors);
	LAW(config || len > 0, "a file that is refused is refused with a reason");
	if (config) {
		const struct ft_heartbeat_settings *h = &config->heartbeat;
		LAW(h->interval_ms >= 5 && h->interval_ms <= 10000 && h->lost_after >= 2 && h->lost_after <= 100 &&
		        h->n_links >= 1 && h->n_links <= FT_LINKS_MAX && h->n_keys >= 1 && h->n_keys <= FT_KEYS_MAX,
		    "what is accepted is within its limits");
		LAW(!ft_config_fixed_difference(config, config), "a config does not differ from itself");
	}
	ft_config_free(config);
	ft_config_find(path, &places, errors);
	fclose(errors);
	for (size_t i = 0; i < len; i++)
		LAW(complaints[i] == '\n' || (unsigned char)complaints[i] >= ' ', "complaints are plain lines");
	free(complaints);
	return 0;
}
