/* See traits.h. */
#include "qmp/traits.h"

#include <string.h>

static const struct {
	const char *command, *path, *property;
} questions[FT_TRAIT_COUNT] = {
    [FT_TRAIT_MACHINE] = {"qom-get", "/machine", "type"},
    [FT_TRAIT_CAPABILITIES] = {"query-migrate-capabilities", NULL, NULL},
    [FT_TRAIT_MEMORY] = {"query-memory-size-summary", NULL, NULL},
};

const char *ft_traits_command(enum ft_trait trait)
{
	return questions[trait].command;
}

json_t *ft_traits_arguments(enum ft_trait trait)
{
	if (!questions[trait].path)
		return NULL;
	return json_pack("{s:s,s:s}", "path", questions[trait].path, "property", questions[trait].property);
}

/* A number of a version, which goes over the wire as one byte. */
static uint8_t part(const json_t *version, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(version, key));
	return (uint8_t)(n < 0 ? 0 : n > UINT8_MAX ? UINT8_MAX : n);
}

void ft_traits_greet(struct ft_traits *t, const json_t *greeting)
{
	const json_t *version = json_object_get(json_object_get(greeting, "version"), "qemu");
	t->emulator.major = part(version, "major");
	t->emulator.minor = part(version, "minor");
	t->emulator.micro = part(version, "micro");
}

/* "pc-q35-10.0-machine" is the type that was asked for as "pc-q35-10.0", or by an alias of it. */
static void take_machine(struct ft_emulator *e, const char *type)
{
	static const char suffix[] = "-machine";
	size_t len = type ? strlen(type) : 0, tail = sizeof suffix - 1;

	if (len > tail && strcmp(type + len - tail, suffix) == 0)
		len -= tail;
	if (len >= sizeof e->machine)
		len = sizeof e->machine - 1;
	for (size_t i = 0; i < len; i++) {
		e->machine[i] = type[i];
		if (type[i] < ' ' || type[i] > '~')
			e->machine[i] = '?';
	}
	e->machine[len] = '\0';
}

static void take_capabilities(struct ft_traits *t, const json_t *list)
{
	const json_t *entry;
	size_t i;

	if (!json_is_array(list))
		return;
	t->capabilities_known = true;
	t->colo = t->return_path = false;
	json_array_foreach(list, i, entry)
	{
		const char *name = json_string_value(json_object_get(entry, "capability"));
		bool on = json_is_true(json_object_get(entry, "state"));
		if (name && strcmp(name, "x-colo") == 0)
			t->colo = on;
		else if (name && strcmp(name, "return-path") == 0)
			t->return_path = on;
	}
}

static uint64_t bytes(const json_t *summary, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(summary, key));
	return n > 0 ? (uint64_t)n : 0;
}

void ft_traits_take(struct ft_traits *t, enum ft_trait trait, const json_t *reply)
{
	const json_t *answer = json_object_get(reply, "return");
	if (!answer)
		return;
	if (trait == FT_TRAIT_MACHINE)
		take_machine(&t->emulator, json_string_value(answer));
	else if (trait == FT_TRAIT_CAPABILITIES)
		take_capabilities(t, answer);
	else
		t->memory = bytes(answer, "base-memory") + bytes(answer, "plugged-memory");
}
