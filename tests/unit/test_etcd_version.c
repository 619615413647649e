/* Which etcd may answer a read by an old state. */
#include "arbiter/etcd_version.h"

#include <check.h>

static const struct {
	const char *version;
	enum ft_etcd_reads reads;
	const char *upgrade;
} cases[] = {
    {"3.3.27", FT_ETCD_READS_SOUND, ""},
    {"3.4.0", FT_ETCD_READS_SOUND, ""},
    {"3.4.19", FT_ETCD_READS_SOUND, ""},
    {"3.4.20", FT_ETCD_READS_STALE, "3.4.42"},
    {"3.4.23", FT_ETCD_READS_STALE, "3.4.42"},
    {"3.4.41", FT_ETCD_READS_STALE, "3.4.42"},
    {"3.4.42", FT_ETCD_READS_SOUND, ""},
    {"3.4.100", FT_ETCD_READS_SOUND, ""},
    {"3.5.0", FT_ETCD_READS_STALE, "3.5.28"},
    {"3.5.0-rc.1", FT_ETCD_READS_STALE, "3.5.28"},
    {"3.5.27", FT_ETCD_READS_STALE, "3.5.28"},
    {"3.5.27+dfsg", FT_ETCD_READS_STALE, "3.5.28"},
    {"3.5.28", FT_ETCD_READS_SOUND, ""},
    {"3.6.0", FT_ETCD_READS_STALE, "3.6.9"},
    {"3.6.8", FT_ETCD_READS_STALE, "3.6.9"},
    {"3.6.9", FT_ETCD_READS_SOUND, ""},
    {"3.7.0", FT_ETCD_READS_SOUND, ""},
    {"4.5.1", FT_ETCD_READS_SOUND, ""},
    {"13.4.23", FT_ETCD_READS_SOUND, ""},
    {"", FT_ETCD_READS_UNKNOWN, ""},
    {"3", FT_ETCD_READS_UNKNOWN, ""},
    {"3.4", FT_ETCD_READS_UNKNOWN, ""},
    {"3.4.", FT_ETCD_READS_UNKNOWN, ""},
    {"3..23", FT_ETCD_READS_UNKNOWN, ""},
    {"3.4.x", FT_ETCD_READS_UNKNOWN, ""},
    {"3.4.23x", FT_ETCD_READS_UNKNOWN, ""},
    {"3.4.23.1", FT_ETCD_READS_UNKNOWN, ""},
    {"v3.4.23", FT_ETCD_READS_UNKNOWN, ""},
    {" 3.4.23", FT_ETCD_READS_UNKNOWN, ""},
    {"-3.4.23", FT_ETCD_READS_UNKNOWN, ""},
    {"3.4.99999999999999999999", FT_ETCD_READS_UNKNOWN, ""},
    {"not_decided", FT_ETCD_READS_UNKNOWN, ""},
};

START_TEST(each_line_of_versions_has_its_borders)
{
	const char *upgrade;
	ck_assert_int_eq(ft_etcd_judge(cases[_i].version, &upgrade), cases[_i].reads);
	ck_assert_str_eq(upgrade, cases[_i].upgrade);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("etcd version");
	TCase *t = tcase_create("borders");
	tcase_add_loop_test(t, each_line_of_versions_has_its_borders, 0, (int)(sizeof(cases) / sizeof(cases[0])));
	suite_add_tcase(s, t);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
