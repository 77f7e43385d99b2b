#include "node/cli/node_file.h"

#include <errno.h>

#include "node/cli/files.h"
#include "node/signed/doors.h"
#include "proto/base/err.h"

#define FILE_MAX      (16u << 20)
#define FLAG_NAME_MAX 80

/* The model knows keys as text; whether they are keys is seen here. */
static int check_keys(const struct dist_set *set, const char *path, struct buf *why)
{
    struct buf said = BUF_EMPTY;
    struct doors *doors;
    int err = doors_new(&doors, set, &said);

    if (err != 0 && err != MESH_E_NOMEM)
        buf_addf(why, "%s: %.*s.\n", path, SLICE_FMT(buf_slice(&said)));
    doors_unref(doors);
    buf_free(&said);
    return err == MESH_E_NOMEM ? ENOMEM : err;
}

int node_file_read(const char *path, struct dist_file *out, struct buf *why)
{
    struct buf text = BUF_EMPTY;
    int err = files_read(path, FILE_MAX, &text);

    if (err == EFBIG)
        buf_addf(why, "%s: it is too large: %u MiB are the limit.\n", path, FILE_MAX >> 20);
    else if (err != 0)
        buf_addf(why, "%s: it cannot be read: %s.\n", path, strerror(err));
    else
        err = dist_file_read(buf_slice(&text), path, out, why);
    if (err == 0 && out->set != NULL)
        err = check_keys(out->set, path, why);
    buf_free(&text);
    return err == 0 ? CLI_OK : err == ENOMEM ? CLI_FAILED : CLI_CONFIG;
}

int node_file_distributions(struct slice text, const char *name, struct dist_set **out, struct buf *why)
{
    struct dist_set *set;
    int err = dist_set_read(text, name, &set, why);

    if (err != 0)
        return err == MESH_E_NOMEM ? CLI_FAILED : CLI_CONFIG;
    if ((err = check_keys(set, name, why)) != 0) {
        dist_set_unref(set);
        return err == ENOMEM ? CLI_FAILED : CLI_CONFIG;
    }
    *out = set;
    return CLI_OK;
}

/* Where a key and its flag have other names. */
static const struct {
    const char *key, *flag;
} renamed[] = { { "seeds", "seed" } };
/* What only a command line can say, or says of the file itself. */
static const char *const never[] = { "config", "c" };

/* "listen.http" is "--http", "node_file" is "--node-file"; "timers.NAME" is NAME of "--timers". */
static void flag_of(struct slice key, char flag[FLAG_NAME_MAX])
{
    static const struct slice listen = { (const uint8_t *)"listen.", 7 }, timers = { (const uint8_t *)"timers.", 7 };
    size_t n = 2;

    memcpy(flag, "--", 3);
    for (size_t i = 0; i < sizeof(renamed) / sizeof(renamed[0]); i++) {
        if (slice_eq(key, slice_str(renamed[i].key)))
            key = slice_str(renamed[i].flag);
    }
    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
        if (slice_eq(key, slice_str(never[i])))
            key = SLICE_LIT("");
    }
    if (slice_eq(slice_head(key, timers.len), timers))
        key = slice_head(key, timers.len - 1);
    else if (slice_eq(slice_head(key, listen.len), listen))
        key = slice_from(key, listen.len);
    for (size_t i = 0; i < key.len && n + 1 < FLAG_NAME_MAX; i++)
        flag[n++] = key.data[i] == '_' ? '-' : (char)key.data[i];
    flag[n] = 0;
}

static bool is_listen(const char *flag)
{
    return strcmp(flag, "--http") == 0 || strcmp(flag, "--mesh") == 0 || strcmp(flag, "--admin") == 0 ||
           strcmp(flag, "--https") == 0 || strcmp(flag, "--dns") == 0;
}

static const struct option *find(const struct command_line *line, struct slice key)
{
    char flag[FLAG_NAME_MAX];
    bool listens = slice_eq(slice_head(key, 7), SLICE_LIT("listen."));

    flag_of(key, flag);
    for (size_t i = 0; i < line->options_n; i++) {
        if (strcmp(line->options[i].name, flag) == 0 && is_listen(flag) == listens)
            return &line->options[i];
    }
    return NULL;
}

/* What |o| is called in a file. */
static void key_of(const struct option *o, char key[FLAG_NAME_MAX])
{
    size_t n = 0;

    if (is_listen(o->name)) {
        memcpy(key, "listen.", 7);
        n = 7;
    }
    for (const char *p = o->name + 2; *p != 0 && n + 1 < FLAG_NAME_MAX; p++)
        key[n++] = *p == '-' ? '_' : *p;
    key[n] = 0;
    if (strcmp(o->name, "--seed") == 0)
        memcpy(key, "seeds", 6);
}

static void unknown(struct faults *faults, const struct command_line *line, const struct dist_entry *e)
{
    char keys[OPTION_VALUES_MAX][FLAG_NAME_MAX], quoted[FAULT_QUOTED_MAX];
    const char *names[OPTION_VALUES_MAX];
    size_t n = 0;

    for (size_t i = 0; i < line->options_n; i++) {
        const struct option *o = &line->options[i];
        if (strncmp(o->name, "--", 2) != 0 || strcmp(o->name, "--config") == 0 || (o->arg != NULL && o->read == NULL))
            continue;
        key_of(o, keys[n]);
        names[n] = keys[n];
        n++;
    }
    const char *near = nearest_name(e->key, names, n, sizeof(names[0]));
    fault(faults, e->key_mark,
          "node: there is no field %s%s%s%s Fields are the flags of hedgerow run: node_file, listen.http.",
          fault_quoted(e->key, quoted), near != NULL ? ". Did you mean " : ".", near != NULL ? near : "",
          near != NULL ? "?" : "");
}

static bool set_flag(struct faults *faults, const struct dist_entry *e, void *field)
{
    if (slice_eq(e->value, SLICE_LIT("true")))
        *(bool *)field = true;
    else if (!slice_eq(e->value, SLICE_LIT("false")))
        fault(faults, e->mark, "node.%.*s: must be true or false.", SLICE_FMT(e->key));
    return true;
}

/* Are they of one list? */
static bool same_place(const struct dist_entry *a, const struct dist_entry *b)
{
    return a->key_mark.line == b->key_mark.line && a->key_mark.column == b->key_mark.column;
}

/* All entries of |f| from |at| on with the same key are one value, with commas between, unless it is one that may be
 * given more than once. Returns how many. */
static size_t read_entries(const struct dist_file *f, size_t at, struct faults *faults, const struct option *o,
                           void *out, struct buf *values)
{
    const struct dist_entry *e = &f->entries[at];
    void *field = (char *)out + o->field;
    struct buf why = BUF_EMPTY;
    size_t n = 1;

    if (o->arg == NULL) {
        set_flag(faults, e, field);
        return 1;
    }
    const char *text = (const char *)e->value.data;
    bool timers = strcmp(o->name, "--timers") == 0, joined = false;
    while (!o->many && at + n < f->entries_n && same_place(&f->entries[at + n], e))
        n++;
    if (timers || n > 1) {
        buf_clear(values);
        for (size_t i = 7; timers && i < e->key.len; i++)
            buf_add_u8(values, e->key.data[i] == '_' ? '-' : e->key.data[i]);
        if (timers)
            buf_add_u8(values, '=');
        for (size_t i = 0; i < n; i++) {
            buf_add_str(values, i > 0 ? "," : "");
            buf_add_slice(values, f->entries[at + i].value);
        }
        buf_add_u8(values, 0);
        joined = true;
    }
    if (joined) { /* what is read may lend from it */
        struct slice kept = dist_arena_copy(f->arena, buf_slice(values));
        text = kept.data != NULL ? (const char *)kept.data : "";
    }
    if (o->read(text != NULL ? text : "", field, &why) != 0)
        fault(faults, e->mark, "node.%.*s: \"%s\" %.*s", SLICE_FMT(e->key), text != NULL ? text : "",
              SLICE_FMT(buf_slice(&why)));
    buf_free(&why);
    return n;
}

int node_file_options(const struct dist_file *f, const char *path, const struct command_line *line, bool *given,
                      void *out, struct buf *why)
{
    struct faults faults = { .file = path, .text = why };
    struct buf values = BUF_EMPTY;
    const struct dist_entry *last[OPTION_VALUES_MAX] = { NULL }; /* of each flag */

    for (size_t i = 0; i < f->entries_n && !faults_enough(&faults);) {
        const struct dist_entry *e = &f->entries[i];
        const struct option *o = find(line, e->key);
        size_t n = 1;
        if (o == NULL) {
            unknown(&faults, line, e);
        } else if (o->arg != NULL && o->read == NULL) {
            fault(&faults, e->mark, "node.%.*s is not available in this version. %s", SLICE_FMT(e->key), o->help);
        } else if (last[o - line->options] != NULL && slice_eq(last[o - line->options]->key, e->key) &&
                   !same_place(last[o - line->options], e)) {
            fault(&faults, e->mark, "node.%.*s is there twice.", SLICE_FMT(e->key));
        } else if (!given[o - line->options]) {
            n = read_entries(f, i, &faults, o, out, &values);
            last[o - line->options] = e;
        }
        i += n;
    }
    for (size_t i = 0; i < line->options_n; i++)
        given[i] = given[i] || last[i] != NULL;
    buf_free(&values);
    return faults.n == 0 ? CLI_OK : CLI_CONFIG;
}

bool node_file_same(const struct dist_file *a, const struct dist_file *b)
{
    bool same = a->entries_n == b->entries_n;

    for (size_t i = 0; same && i < a->entries_n; i++)
        same = slice_eq(a->entries[i].key, b->entries[i].key) && slice_eq(a->entries[i].value, b->entries[i].value);
    return same;
}
