/* hedgerow distribution: what holds on all nodes of the mesh, looked at and changed. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "node/admin/documents.h"
#include "node/cli/cli.h"
#include "node/cli/distribution_call.h"
#include "node/cli/files.h"
#include "node/dist/dist.h"

#define FIELD(name) offsetof(struct distribution_options, name)
#define JSON_OPTION                                            \
    {                                                          \
        "--json", NULL, "print JSON", NULL, FIELD(json), false \
    }

/* Seconds, or a time with its unit; 0: not at all. */
static int read_wait(const char *text, void *field, struct buf *why)
{
    uint64_t seconds;

    if (slice_u64(slice_str(text), &seconds) != 0 || seconds > 86400)
        return option_duration(text, field, why);
    *(mesh_ns *)field = SEC((mesh_ns)seconds);
    return 0;
}

static const struct option reading[] = {
    ADMIN_CALL_OPTIONS(struct distribution_options, call),
    JSON_OPTION,
};

static const struct option changing[] = {
    { "--operator", "FILE",
      "sign with the keys in this node file, which is an operator's (hedgerow mesh admit --role\n"
      "operator); without it the node signs, which must be one then",
      option_text, FIELD(operator_file), false },
    { "--dry-run", NULL, "say what would change, and whether the node would take it", NULL, FIELD(dry_run), false },
    { "--wait", "SECONDS", "how long to wait until all nodes have it (10); 0: not at all", read_wait, FIELD(wait),
      false },
    { "--who", "TEXT", "who changes it, for the list of versions (USER@HOST)", option_text, FIELD(who), false },
    ADMIN_CALL_OPTIONS(struct distribution_options, call),
    JSON_OPTION,
};

#define OPTIONS(table) .options = table, .options_n = sizeof(table) / sizeof(table[0])

/* ---- looking ---- */

static void print_pretty(struct slice text)
{
    json_t *root = json_loadb((const char *)text.data, text.len, JSON_DECODE_ANY, NULL);

    if (root != NULL) {
        json_dumpf(root, stdout, JSON_INDENT(2));
        puts("");
    }
    json_decref(root);
}

/* Puts its name below the mesh's domain with it, if the mesh has one. */
static void assign(json_t *one, const json_t *about)
{
    const char *domain = json_string_value(json_object_get(about, "domain"));
    const char *name = json_string_value(json_object_get(one, "name"));
    char label[DIST_LABEL_BYTES];

    if (domain == NULL || *domain == 0 || name == NULL)
        return;
    dist_label(slice_str(name), label);
    json_object_set_new(one, "assigned", json_sprintf("%.*s.%s", DIST_LABEL_BYTES, label, domain));
}

static void print_hosts(const json_t *one)
{
    const json_t *hosts = json_object_get(one, "hosts"), *enabled = json_object_get(one, "enabled");
    const char *assigned = json_string_value(json_object_get(one, "assigned"));
    size_t i;
    json_t *host;

    printf("%-24s", json_string_value(json_object_get(one, "name")));
    if (json_is_false(enabled))
        printf(" (disabled)");
    if (assigned != NULL)
        printf(" %s", assigned);
    json_array_foreach(hosts, i, host) printf(" %s", json_is_string(host) ? json_string_value(host) : "?");
    puts("");
}

static int list(const struct distribution_options *o, const char *command, const struct distribution_now *now)
{
    json_t *all = documents_list(buf_slice(&now->text)), *one;
    size_t i;

    (void)command;
    json_array_foreach(all, i, one) assign(one, now->about);
    if (o->json) {
        printf("{\"version\":\"%s\",\"distributions\":", now->version);
        json_dumpf(all, stdout, JSON_COMPACT);
        puts("}");
    } else {
        json_array_foreach(all, i, one) print_hosts(one);
        printf("%zu distributions, version %s.\n", json_array_size(all), now->version);
    }
    json_decref(all);
    return CLI_OK;
}

static int show(const struct distribution_now *now, const char *command, const char *name)
{
    struct buf one = BUF_EMPTY;
    int code = CLI_OK;

    if (name == NULL)
        print_pretty(buf_slice(&now->text));
    else if (documents_one(&one, buf_slice(&now->text), slice_str(name)))
        cli_put(stdout, buf_slice(&one));
    else
        code =
            cli_fail(CLI_FAILED, command, "there is no distribution called \"%s\": hedgerow distribution list.", name);
    buf_free(&one);
    return code;
}

static void print_version(const json_t *v)
{
    const json_t *by = json_object_get(v, "operator");
    time_t at = (time_t)json_integer_value(json_object_get(v, "at"));
    char when[32] = "";
    struct tm tm;

    if (gmtime_r(&at, &tm) != NULL)
        strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
    printf("%-26s %-10s %s  %s, signed by %s, %lld bytes\n", json_string_value(json_object_get(v, "version")),
           json_string_value(json_object_get(v, "state")), when, json_string_value(json_object_get(v, "who")),
           json_string_value(json_object_get(by, "name")), (long long)json_integer_value(json_object_get(v, "bytes")));
}

static int versions(const struct distribution_options *o, const struct distribution_now *now)
{
    size_t i;
    json_t *one;

    if (o->json) {
        json_dumpf(now->about, stdout, JSON_COMPACT);
        puts("");
        return CLI_OK;
    }
    json_array_foreach(json_object_get(now->about, "versions"), i, one) print_version(one);
    json_array_foreach(json_object_get(now->about, "members"), i, one)
        printf("  %-24s %-10s %s\n", json_string_value(json_object_get(one, "name")),
               json_string_value(json_object_get(one, "state")), json_string_value(json_object_get(one, "version")));
    return CLI_OK;
}

enum look { LOOK_LIST, LOOK_SHOW, LOOK_VERSIONS };

static int look(const struct command_line *line, int argc, char *const *argv, enum look what)
{
    struct distribution_options o = distribution_usual();
    struct distribution_now now = { .text = BUF_EMPTY, .version = "0" };
    const char *arg[2] = { NULL };
    int code;

    if (!cli_options(line, argc, argv, &o, arg, &code))
        return code;
    code = distribution_read(&o, line->command, &now);
    if (code == CLI_OK)
        code = what == LOOK_LIST   ? list(&o, line->command, &now)
               : what == LOOK_SHOW ? show(&now, line->command, arg[0])
                                   : versions(&o, &now);
    distribution_now_free(&now);
    return code;
}

int cli_distribution_list(int argc, char *const *argv)
{
    static const struct command_line line = { .command = "distribution list",
                                              .synopsis = "[flags]",
                                              .about = "Lists the distributions that the mesh has.",
                                              OPTIONS(reading) };
    return look(&line, argc, argv, LOOK_LIST);
}

int cli_distribution_show(int argc, char *const *argv)
{
    static const struct command_line line = { .command = "distribution show",
                                              .synopsis = "[NAME] [flags]",
                                              .about = "Prints one distribution, or all of them.",
                                              OPTIONS(reading),
                                              .args_max = 1,
                                              .args_what = "a distribution's name" };
    return look(&line, argc, argv, LOOK_SHOW);
}

int cli_distribution_versions(int argc, char *const *argv)
{
    static const struct command_line line = {
        .command = "distribution versions",
        .synopsis = "[flags]",
        .about = "Lists the last versions of the configuration, the latest first, and which one each node has. A\n"
                 "superseded one is a change that was made at the same time as another one, and is not in force.",
        OPTIONS(reading)
    };
    return look(&line, argc, argv, LOOK_VERSIONS);
}

/* ---- changing ---- */

/* What becomes of what is in force: each returns an exit code. */
typedef int remake(const struct distribution_options *o, const char *command, const struct distribution_now *now,
                   const char *arg, struct buf *out);

static int remake_by_file(const struct distribution_options *o, const char *command, const struct distribution_now *now,
                          const char *file, struct buf *out)
{
    struct buf text = BUF_EMPTY, canonical = BUF_EMPTY, why = BUF_EMPTY;
    int code = CLI_OK, err = files_read(file, CONFIG_TEXT_MAX, &text);

    (void)o;
    if (err != 0)
        code = cli_fail(CLI_CONFIG, command, "cannot read %s: %s.", file, strerror(err));
    else if (!documents_canonical(&canonical, buf_slice(&text), file, &why))
        code = cli_fail(CLI_CONFIG, command, "%.*s", SLICE_FMT(slice_trim(buf_slice(&why))));
    else if (!documents_merge(out, buf_slice(&now->text), buf_slice(&canonical)))
        code = cli_fail(CLI_FAILED, command, "out of memory.");
    buf_free(&text);
    buf_free(&canonical);
    buf_free(&why);
    return code;
}

static int remake_without(const struct distribution_options *o, const char *command, const struct distribution_now *now,
                          const char *name, struct buf *out)
{
    (void)o;
    if (documents_remove(out, buf_slice(&now->text), slice_str(name)))
        return CLI_OK;
    return cli_fail(CLI_FAILED, command, "there is no distribution called \"%s\": hedgerow distribution list.", name);
}

/* The one before the one in force, where none is named. */
static int remake_as_before(const struct distribution_options *o, const char *command,
                            const struct distribution_now *now, const char *version, struct buf *out)
{
    size_t i;
    json_t *one;

    json_array_foreach(json_object_get(now->about, "versions"), i, one)
    {
        if (version == NULL && strcmp(json_string_value(json_object_get(one, "state")), "former") == 0)
            version = json_string_value(json_object_get(one, "version"));
    }
    if (version == NULL)
        return cli_fail(CLI_FAILED, command, "there is no version before the one in force.");
    return distribution_version(o, command, version, out);
}

static int change(const struct command_line *line, int argc, char *const *argv, remake *make, bool diff_only)
{
    struct distribution_options o = distribution_usual();
    struct distribution_now now = { .text = BUF_EMPTY, .version = "0" };
    struct buf made = BUF_EMPTY, text = BUF_EMPTY, diff = BUF_EMPTY, why = BUF_EMPTY;
    const char *arg[2] = { NULL };
    int code, differences = 0;

    if (!cli_options(line, argc, argv, &o, arg, &code))
        return code;
    code = distribution_read(&o, line->command, &now);
    if (code == CLI_OK)
        code = make(&o, line->command, &now, arg[0], &made);
    if (code == CLI_OK && !documents_canonical(&text, buf_slice(&made), "distributions", &why))
        code = cli_fail(CLI_CONFIG, line->command, "%.*s", SLICE_FMT(slice_trim(buf_slice(&why))));
    if (code == CLI_OK && (differences = documents_diff(&diff, buf_slice(&now.text), buf_slice(&text))) < 0)
        code = cli_fail(CLI_FAILED, line->command, "out of memory.");
    if (code == CLI_OK && (diff_only || !o.json))
        cli_put(stdout, buf_slice(&diff));
    bool signs_anew = make == remake_as_before && arg[0] != NULL; /* what is in force, too */
    if (code == CLI_OK && !diff_only && differences == 0 && !signs_anew) {
        if (o.json)
            json_dumpf(now.about, stdout, JSON_COMPACT);
        printf("%s\n", o.json ? "" : "Nothing would change.");
    } else if (code == CLI_OK && !diff_only) {
        code = distribution_change(&o, line->command, &now, buf_slice(&text));
    }
    distribution_now_free(&now);
    buf_free(&made);
    buf_free(&text);
    buf_free(&diff);
    buf_free(&why);
    return code;
}

int cli_distribution_apply(int argc, char *const *argv)
{
    static const struct command_line line = {
        .command = "distribution apply",
        .synopsis = "FILE [flags]",
        .about = "Adds the distributions in FILE to those of the mesh, or puts them in the place of those of the same\n"
                 "names, on all nodes; what FILE does not name stays. Ends with 0 when all nodes that are alive have\n"
                 "it, with 78 when FILE is not good, and with 1 when somebody else was faster, or not all have it.",
        OPTIONS(changing),
        .args_min = 1,
        .args_max = 1,
        .args_what = "a file of distributions"
    };
    return change(&line, argc, argv, remake_by_file, false);
}

int cli_distribution_delete(int argc, char *const *argv)
{
    static const struct command_line line = { .command = "distribution delete",
                                              .synopsis = "NAME [flags]",
                                              .about = "Takes a distribution away, on all nodes.",
                                              OPTIONS(changing),
                                              .args_min = 1,
                                              .args_max = 1,
                                              .args_what = "a distribution's name" };
    return change(&line, argc, argv, remake_without, false);
}

int cli_distribution_rollback(int argc, char *const *argv)
{
    static const struct command_line line = {
        .command = "distribution rollback",
        .synopsis = "[VERSION] [flags]",
        .about = "Makes what an old version said hold again on all nodes, as a new version: VERSION is one that\n"
                 "hedgerow distribution versions lists, or its number; without it, the one before the one in force.",
        OPTIONS(changing),
        .args_max = 1,
        .args_what = "a version"
    };
    return change(&line, argc, argv, remake_as_before, false);
}

int cli_distribution_diff(int argc, char *const *argv)
{
    static const struct command_line line = {
        .command = "distribution diff",
        .synopsis = "FILE [flags]",
        .about = "Says what hedgerow distribution apply FILE would change: + NAME is new, - NAME goes, and ~ is a\n"
                 "field that has another value.",
        OPTIONS(reading),
        .args_min = 1,
        .args_max = 1,
        .args_what = "a file of distributions"
    };
    return change(&line, argc, argv, remake_by_file, true);
}
