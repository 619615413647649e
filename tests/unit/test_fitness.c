/* What check says of a QEMU's release, machine, capabilities, NICs and memory: the rows of what COLO is known to fail on, and
 * that nothing is said against what works.  The answers are real ones, of 7.2.22, 10.0.13 and 11.1.3. */
#include "supervisor/fitness.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct ft_setup setup;

static void set_up(void)
{
	setup = (struct ft_setup){
	    .answers = true,
	    .traits = {.emulator = {7, 2, 22, "pc-i440fx-7.2"}, .capabilities_known = true, .memory = 512 << 20},
	    .peer = {7, 2, 22, "pc-i440fx-7.2"},
	    .memory_free = UINT64_C(8) << 30,
	};
}

static const struct ft_finding *finding(const char *name)
{
	static struct ft_finding all[FT_FINDINGS_MAX];
	static const struct ft_finding none = {"", "", "", ""};
	int n = ft_fitness_judge(&setup, all);
	for (int i = 0; i < n; i++) {
		/* Who is told that something is wrong is told what to do. */
		ck_assert_int_eq(strcmp(all[i].result, "ok") == 0, all[i].fix[0] == '\0');
		if (strcmp(all[i].name, name) == 0)
			return &all[i];
	}
	return &none;
}

static void assert_says(const char *name, const char *result, const char *part)
{
	const struct ft_finding *f = finding(name);
	ck_assert_str_eq(f->result, result);
	ck_assert_msg(strstr(f->detail, part) != NULL, "'%s' does not say '%s'", f->detail, part);
}

static const struct {
	struct ft_emulator qemu;
	const char *result, *part;
} releases[] = {
    {{7, 2, 22, ""}, "ok", "7.2.22"},
    {{8, 1, 5, ""}, "ok", "8.1.5"},
    {{8, 2, 0, ""}, "FAIL", "assertion"},
    {{8, 2, 10, ""}, "FAIL", "assertion"},
    {{9, 0, 0, ""}, "FAIL", "assertion"},
    {{9, 0, 4, ""}, "FAIL", "assertion"},
    {{9, 0, 50, ""}, "ok", "9.0.50"}, /* on its way to 9.1 */
    {{9, 1, 0, ""}, "ok", "9.1.0"},
    {{10, 0, 0, ""}, "FAIL", "cannot do COLO"},
    {{10, 0, 6, ""}, "FAIL", "cannot do COLO"},
    {{10, 0, 7, ""}, "ok", "10.0.7"},
    {{10, 0, 13, ""}, "ok", "10.0.13"},
    {{10, 1, 0, ""}, "FAIL", "cannot do COLO"},
    {{10, 1, 5, ""}, "FAIL", "cannot do COLO"},
    {{10, 1, 50, ""}, "ok", "10.1.50"},
    {{11, 1, 3, ""}, "ok", "11.1.3"},
};

START_TEST(a_release_that_cannot_do_it_is_named)
{
	setup.traits.emulator = setup.peer = releases[_i].qemu;
	assert_says("release", releases[_i].result, releases[_i].part);
}
END_TEST

/* The peer's counts, too: it is the secondary now, or will be. */
START_TEST(so_is_the_peers)
{
	setup.peer = (struct ft_emulator){9, 0, 2, ""};
	assert_says("release", "FAIL", "9.0.2 of the peer: ");
	setup.peer = (struct ft_emulator){.major = 0};
	assert_says("release", "ok", "7.2.22");
}
END_TEST

/* A distribution may have mended its own. */
START_TEST(that_it_is_in_colo_says_more_than_its_number)
{
	setup.traits.emulator = (struct ft_emulator){10, 0, 2, "pc-i440fx-10.0"};
	setup.role = FT_ROLE_PRIMARY;
	assert_says("release", "warn", "is in COLO all the same");
}
END_TEST

static const struct {
	struct ft_emulator qemu;
	bool incoming, colo, return_path;
	const char *result, *part;
} capabilities[] = {
    {{7, 2, 22, ""}, false, true, false, "ok", "x-colo on, return-path off"},
    {{7, 2, 22, ""}, true, false, false, "ok", "x-colo off"}, /* the primary's is enough */
    {{7, 2, 22, ""}, false, true, true, "FAIL", "breaks with it"},
    {{10, 0, 13, ""}, true, true, true, "FAIL", "breaks with it"},
    {{10, 0, 13, ""}, true, false, false, "FAIL", "waits without x-colo"},
    {{10, 0, 13, ""}, false, false, false, "ok", "x-colo off"}, /* a primary that nobody has told yet */
    {{10, 0, 13, ""}, true, true, false, "ok", "x-colo on"},
    {{11, 1, 3, ""},
     true,
     false,
     true,
     "FAIL",
     "waits without x-colo"}, /* x-colo without return-path it refuses itself */
    {{11, 1, 3, ""}, true, true, true, "ok", "return-path on"},
    {{11, 1, 3, ""}, false, false, false, "ok", "x-colo off"},
};

START_TEST(capabilities_are_judged_by_the_release)
{
	setup.traits.emulator = setup.peer = capabilities[_i].qemu;
	setup.incoming = capabilities[_i].incoming;
	setup.traits.colo = capabilities[_i].colo;
	setup.traits.return_path = capabilities[_i].return_path;
	assert_says("capability", capabilities[_i].result, capabilities[_i].part);
	setup.role = FT_ROLE_PRIMARY; /* they are read when the migration begins */
	assert_says("capability", "", "");
	setup.role = FT_ROLE_NONE;
	setup.traits.capabilities_known = false;
	assert_says("capability", "", "");
}
END_TEST

static const struct {
	struct ft_emulator qemu;
	const char *result, *part;
} machines[] = {
    {{7, 2, 22, "pc-i440fx-7.2"}, "ok", "pc-i440fx-7.2"},
    {{7, 2, 22, "pc-q35-7.2"}, "warn", "pc-q35-7.2: before QEMU 11.0"},
    {{10, 0, 13, "pc-q35-10.0"}, "warn", "not reset"},
    {{11, 1, 3, "pc-q35-10.0"}, "ok", "pc-q35-10.0"}, /* the machine's version is not QEMU's */
    {{7, 2, 22, ""}, "", ""},
};

START_TEST(q35_is_no_machine_for_colo_before_11_0)
{
	setup.traits.emulator = machines[_i].qemu;
	assert_says("machine", machines[_i].result, machines[_i].part);
}
END_TEST

static const struct {
	struct ft_emulator ours, theirs;
	const char *result, *part;
} pairs[] = {
    {{10, 0, 13, "pc-i440fx-10.0"}, {10, 0, 13, "pc-i440fx-10.0"}, "ok", "QEMU 10.0 and the same machine"},
    {{10, 0, 13, "pc-i440fx-10.0"}, {10, 0, 11, "pc-i440fx-10.0"}, "ok", "QEMU 10.0"}, /* an upgrade is under way */
    {{10, 0, 13, "pc-i440fx-10.0"}, {10, 0, 13, "pc-i440fx-7.2"}, "FAIL", "pc-i440fx-10.0 here and pc-i440fx-7.2 at"},
    {{11, 1, 3, "pc-i440fx-10.0"}, {10, 0, 13, "pc-i440fx-10.0"}, "FAIL", "11.1.3 here and 10.0.13 at the peer"},
    {{7, 2, 22, "pc-i440fx-7.2"}, {10, 0, 13, "pc-i440fx-7.2"}, "warn", "7.2.22 here and 10.0.13 at the peer"},
    {{7, 2, 22, "pc-i440fx-7.2"}, {.major = 0}, "", ""}, /* its ftd does not say, or it has no QEMU */
    {{7, 2, 22, "pc-i440fx-7.2"}, {7, 2, 22, ""}, "ok", "QEMU 7.2"},
};

START_TEST(both_sides_need_the_same)
{
	setup.traits.emulator = pairs[_i].ours;
	setup.peer = pairs[_i].theirs;
	assert_says("both QEMU", pairs[_i].result, pairs[_i].part);
}
END_TEST

START_TEST(vhost_takes_the_packets_past_everybody)
{
	assert_says("vhost", "ok", "no NIC");
	setup.vhost = 1;
	assert_says("vhost", "FAIL", "even while QEMU is frozen");
	setup.vhost = -1;
	assert_says("vhost", "", "");
}
END_TEST

#define MIB (UINT64_C(1) << 20)

static const struct {
	enum ft_role role;
	bool incoming;
	uint64_t guest, held, free;
	const char *result, *part;
} rooms[] = {
    {FT_ROLE_NONE, true, 4096 * MIB, 50 * MIB, 8142 * MIB, "ok", "room for 8192 MiB"},
    {FT_ROLE_NONE, true, 4096 * MIB, 50 * MIB, 8141 * MIB, "warn", "up to 8192 MiB, and there is room for 8191 MiB"},
    {FT_ROLE_SECONDARY, false, 4096 * MIB, 8000 * MIB, 200 * MIB, "ok", "room for 8200 MiB"}, /* it has it */
    {FT_ROLE_SECONDARY, false, 4096 * MIB, 4200 * MIB, 200 * MIB, "warn", "for want of memory"},
    {FT_ROLE_PRIMARY, false, 4096 * MIB, 4200 * MIB, 200 * MIB, "", ""}, /* holds it once */
    {FT_ROLE_NONE, false, 4096 * MIB, 4200 * MIB, 200 * MIB, "", ""},
    {FT_ROLE_NONE, true, 0, 50 * MIB, 200 * MIB, "", ""},
    {FT_ROLE_NONE, true, 4096 * MIB, 0, 0, "", ""},
};

START_TEST(a_secondary_holds_the_guests_memory_twice)
{
	setup.role = rooms[_i].role;
	setup.incoming = rooms[_i].incoming;
	setup.traits.memory = rooms[_i].guest;
	setup.memory_held = rooms[_i].held;
	setup.memory_free = rooms[_i].free;
	assert_says("memory", rooms[_i].result, rooms[_i].part);
}
END_TEST

START_TEST(of_a_qemu_that_does_not_answer_nothing_is_said)
{
	struct ft_finding out[FT_FINDINGS_MAX];
	setup.answers = false;
	ck_assert_int_eq(ft_fitness_judge(&setup, out), 0);
}
END_TEST

/* ---- from QEMU's answers ---- */

static void take(struct ft_traits *t, enum ft_trait trait, const char *reply)
{
	json_t *j = json_loads(reply, 0, NULL);
	ck_assert_ptr_nonnull(j);
	ft_traits_take(t, trait, j);
	json_decref(j);
}

static const struct {
	const char *type, *machine;
} types[] = {
    {"pc-i440fx-7.2-machine", "pc-i440fx-7.2"},
    {"pc-q35-11.1-machine", "pc-q35-11.1"},
    {"-machine", "-machine"},
    {"x", "x"},
    {"odd\\nname-machine", "odd?name"}, /* it goes over the wire, and into logs */
};

START_TEST(the_machine_is_called_as_people_call_it)
{
	struct ft_traits t = {.memory = 0};
	char reply[128];
	snprintf(reply, sizeof reply, "{\"return\": \"%s\"}", types[_i].type);
	take(&t, FT_TRAIT_MACHINE, reply);
	ck_assert_str_eq(t.emulator.machine, types[_i].machine);
}
END_TEST

START_TEST(traits_are_read_from_the_answers)
{
	struct ft_traits t = {.memory = 0};
	json_t *greeting =
	    json_loads("{\"version\": {\"qemu\": {\"micro\": 13, \"minor\": 0, \"major\": 10}}}", 0, NULL);
	ft_traits_greet(&t, greeting);
	json_decref(greeting);
	take(&t, FT_TRAIT_CAPABILITIES,
	     "{\"return\": [{\"state\": true, \"capability\": \"xbzrle\"}, {\"state\": false, \"capability\": "
	     "\"return-path\"}, {\"state\": true, \"capability\": \"x-colo\"}]}");
	take(&t, FT_TRAIT_MEMORY, "{\"return\": {\"base-memory\": 536870912, \"plugged-memory\": 1073741824}}");
	ck_assert(t.emulator.major == 10 && t.emulator.minor == 0 && t.emulator.micro == 13);
	ck_assert(t.capabilities_known && t.colo && !t.return_path);
	ck_assert_uint_eq(t.memory, 1536 * MIB);
	/* What is no answer changes nothing. */
	take(&t, FT_TRAIT_MEMORY, "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"no\"}}");
	take(&t, FT_TRAIT_CAPABILITIES, "{\"return\": {}}");
	ft_traits_take(&t, FT_TRAIT_MACHINE, NULL);
	ck_assert(t.capabilities_known && t.colo && t.memory == 1536 * MIB && !t.emulator.machine[0]);
}
END_TEST

START_TEST(a_name_too_long_is_cut)
{
	struct ft_traits t = {.memory = 0};
	char reply[256];
	snprintf(reply, sizeof reply, "{\"return\": \"%0100d-machine\"}", 7);
	take(&t, FT_TRAIT_MACHINE, reply);
	ck_assert_uint_eq(strlen(t.emulator.machine), FT_MACHINE_MAX - 1);
}
END_TEST

#define N(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
	Suite *s = suite_create("fitness");
	TCase *c = tcase_create("core");
	tcase_add_checked_fixture(c, set_up, NULL);
	tcase_add_loop_test(c, a_release_that_cannot_do_it_is_named, 0, N(releases));
	tcase_add_test(c, so_is_the_peers);
	tcase_add_test(c, that_it_is_in_colo_says_more_than_its_number);
	tcase_add_loop_test(c, capabilities_are_judged_by_the_release, 0, N(capabilities));
	tcase_add_loop_test(c, q35_is_no_machine_for_colo_before_11_0, 0, N(machines));
	tcase_add_loop_test(c, both_sides_need_the_same, 0, N(pairs));
	tcase_add_test(c, vhost_takes_the_packets_past_everybody);
	tcase_add_loop_test(c, a_secondary_holds_the_guests_memory_twice, 0, N(rooms));
	tcase_add_test(c, of_a_qemu_that_does_not_answer_nothing_is_said);
	tcase_add_loop_test(c, the_machine_is_called_as_people_call_it, 0, N(types));
	tcase_add_test(c, traits_are_read_from_the_answers);
	tcase_add_test(c, a_name_too_long_is_cut);
	suite_add_tcase(s, c);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
