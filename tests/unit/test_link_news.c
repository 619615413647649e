/* What is told of a link: each change once, soon, and not in a torrent. */
#include "supervisor/link_news.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define S      (1000 * FT_NS_PER_MS)
#define WINDOW (500 * FT_NS_PER_MS)

static struct ft_hub hub;
static struct ft_link_news news;
static int64_t now;
static char last[FT_TEXT_MAX];
static enum ft_link_state last_state;

static void set_up(void)
{
	memset(&hub, 0, sizeof hub);
	ft_link_news_reset(&news);
	now = 100 * S;
	hub.n_links = 2;
	ft_detector_init(&hub.detector, 2, WINDOW / 5, 5, now);
	hub.detector.hearing = FT_HEARING_ALIVE;
	for (int i = 0; i < 2; i++)
		hub.links[i].stats.acked_at = hub.links[i].stats.heard_since = now;
}

static void set_link(int link, bool alive)
{
	hub.detector.links[link].alive = alive;
}

/* How often link 1 was news in so many seconds; a link that is alive is heard, and hears. */
static int told_in(int seconds)
{
	struct ft_diagnosis d;
	int n = 0;

	for (int k = 0; k < seconds; k++) {
		now += S;
		for (int i = 0; i < 2; i++)
			if (hub.detector.links[i].alive)
				hub.links[i].stats.acked_at = now;
		ck_assert(!ft_link_news(&news, &hub, 0, now, &d));
		if (!ft_link_news(&news, &hub, 1, now, &d))
			continue;
		n++;
		last_state = d.state;
		memcpy(last, d.what, sizeof last);
	}
	return n;
}

START_TEST(one_of_two_links_that_dies_is_news_within_seconds_and_once)
{
	set_link(0, true);
	set_link(1, true);
	ck_assert_int_eq(told_in(60), 0);
	set_link(1, false);
	ck_assert_int_eq(told_in(3), 1);
	ck_assert_int_eq(last_state, FT_LINK_DOWN);
	ck_assert_int_eq(told_in(3600), 0);
	set_link(1, true);
	ck_assert_int_eq(told_in(3), 1);
	ck_assert_int_eq(last_state, FT_LINK_UP);
	ck_assert_str_eq(last, "");
}
END_TEST

START_TEST(a_link_that_never_came_up_is_news_too)
{
	set_link(0, true);
	ck_assert_int_eq(told_in(2), 0); /* links come up one after the other */
	ck_assert_int_eq(told_in(5), 1);
	ck_assert_int_eq(last_state, FT_LINK_DOWN);
}
END_TEST

START_TEST(a_link_that_flaps_is_told_of_at_most_every_ten_seconds)
{
	int n = 0;

	set_link(0, true);
	for (int k = 0; k < 100; k++) {
		set_link(1, k & 1);
		n += told_in(3);
	}
	ck_assert_int_ge(n, 10);
	ck_assert_int_le(n, 31);
	/* What it came to is told in the end. */
	set_link(1, false);
	(void)told_in(12);
	ck_assert_int_eq(last_state, FT_LINK_DOWN);
	ck_assert_int_eq(told_in(60), 0);
}
END_TEST

/* That the peer as a whole is silent is told by itself; why it cannot be heard is not. */
START_TEST(a_silent_peer_is_not_told_link_by_link)
{
	set_link(0, true);
	set_link(1, true);
	(void)told_in(10);
	set_link(1, false);
	hub.detector.hearing = FT_HEARING_LOST;
	ck_assert_int_eq(told_in(60), 0);
	for (int i = 0; i < 3; i++)
		ft_trouble_note(&hub.links[1].trouble, FT_WIRE_KEY, now);
	ck_assert_int_eq(told_in(3), 1);
	ck_assert_ptr_nonnull(strstr(last, "another key"));
	hub.detector.hearing = FT_HEARING_ALIVE;
	ck_assert_int_eq(told_in(120), 1); /* it comes back without this link, whose counters have faded by now */
	ck_assert_str_eq(last, "nothing heard");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("link_news");
	TCase *c = tcase_create("link_news");

	tcase_add_checked_fixture(c, set_up, NULL);
	tcase_add_test(c, one_of_two_links_that_dies_is_news_within_seconds_and_once);
	tcase_add_test(c, a_link_that_never_came_up_is_news_too);
	tcase_add_test(c, a_link_that_flaps_is_told_of_at_most_every_ten_seconds);
	tcase_add_test(c, a_silent_peer_is_not_told_link_by_link);
	suite_add_tcase(s, c);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
