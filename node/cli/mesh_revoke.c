/* hedgerow mesh revoke: the keys of a node are void from now on. */
#include <jansson.h>
#include <stdio.h>
#include <time.h>

#include "node/cli/cli.h"
#include "node/cli/mesh_folder.h"
#include "proto/base/err.h"

#define IDS_MAX 64 /* of one name */

struct revoke_options {
    const char *out;
    bool keep_objects, json;
};

#define FIELD(name) offsetof(struct revoke_options, name)
static const struct option options[] = {
    { "--keep-objects", NULL,
      "what the node signed stays good; without it every node drops the objects\nthat it fetched from origins", NULL,
      FIELD(keep_objects), false },
    { "--out", "FILE", "the roll to write (roll-NUMBER); it must not exist", option_text, FIELD(out), false },
    { "--json", NULL, "print JSON", NULL, FIELD(json), false },
};

static const struct command_line line = {
    .command = "mesh revoke",
    .synopsis = "DIR NAME|NODE-ID... [flags]",
    .about = "Revokes nodes of the mesh whose authority lies in DIR: all keys that were given out under\n"
             "NAME so far, or those of one NODE-ID. Writes the mesh's next roll, which takes effect when\n"
             "it is handed in at any one node: hedgerow mesh announce FILE",
    .options = options,
    .options_n = sizeof(options) / sizeof(options[0]),
    .args_min = 2,
    .args_max = 17,
    .args_what = "the mesh's directory, then the names or ids of nodes",
};

/* The entries to be made for |word|. */
static size_t find(const struct ledger *l, const char *word, struct roll_revoked out[IDS_MAX])
{
    struct slice rest = buf_slice(&l->text);
    struct node_id id;
    bool is_id = node_id_read(&id, slice_str(word)) == 0;
    struct ledger_row row;
    size_t n = 0;

    while (n < IDS_MAX && ledger_next(&rest, &row)) {
        if (is_id ? !node_id_eq(&row.id, &id) : !slice_eq(row.name, slice_str(word)))
            continue;
        size_t at = 0; /* a renewal gives the same id again */
        while (at < n && !node_id_eq(&out[at].id, &row.id))
            at++;
        n = at == n ? n + 1 : n;
        out[at] = (struct roll_revoked){ .id = row.id, .serial = row.serial };
        memcpy(out[at].name, row.name.data, row.name.len);
    }
    if (n == 0 && is_id) { /* of a ledger that was lost */
        out[n++] = (struct roll_revoked){ .id = id, .name = "unknown" };
    }
    return n;
}

/* Revokes what |word| names; |*done| counts what is new. */
static int revoke(struct mesh_folder *f, const struct revoke_options *o, const char *word, int64_t now_s, json_t *done)
{
    struct roll_revoked entries[IDS_MAX];
    char id[NODE_ID_TEXT_MAX];
    size_t n = find(&f->ledger, word, entries);

    if (n == 0)
        return cli_fail(CLI_FAILED, line.command, "%s/ledger knows no node %s. Nothing was changed.", f->dir, word);
    for (size_t i = 0; i < n; i++) {
        entries[i].at_s = now_s;
        entries[i].drop = !o->keep_objects;
        int err = roll_revoke(&f->roll, &entries[i]);
        if (err == MESH_E_FULL)
            return cli_fail(CLI_FAILED, line.command,
                            "the roll holds %d revocations and takes no more. A new authority makes room: admit all "
                            "nodes anew under it, then retire the old one. Nothing was changed.",
                            ROLL_REVOKED_MAX);
        if (err != 0 && err != MESH_E_EXISTS)
            return cli_fail(CLI_FAILED, line.command, "%s.", mesh_strerror(err));
        if (err == 0)
            json_array_append_new(
                done, json_pack("{s:s, s:s}", "name", entries[i].name, "id", node_id_text(&entries[i].id, id)));
    }
    return CLI_OK;
}

static void report(const struct mesh_folder *f, const json_t *done, const char *path, bool json)
{
    const json_t *each;
    size_t i;

    if (json) {
        json_t *j = json_pack("{s:I, s:O, s:s}", "number", (json_int_t)f->roll.sequence, "revoked", done, "file", path);
        json_dumpf(j, stdout, 0);
        putchar('\n');
        json_decref(j);
        return;
    }
    json_array_foreach(done, i, each) printf("Revoked %s, node %s.\n", json_string_value(json_object_get(each, "name")),
                                             json_string_value(json_object_get(each, "id")));
    printf("%s is roll %llu of the mesh. It takes effect when it is handed in at any one node, for example:\n"
           "  hedgerow mesh announce %s --admin 127.0.0.1:7401 --token-file DATA/admin.token\n",
           path, (unsigned long long)f->roll.sequence, path);
}

int cli_mesh_revoke(int argc, char *const *argv)
{
    struct revoke_options o = { .json = false };
    const char *args[17] = { NULL };
    char path[MESH_FOLDER_PATH_MAX];
    int64_t now_s = (int64_t)time(NULL);
    struct mesh_folder f;
    int code;

    if (!cli_options(&line, argc, argv, &o, args, &code))
        return code;
    if (crypto_start() != 0)
        return cli_fail(CLI_FAILED, line.command, "the system gives no random numbers.");
    json_t *done = json_array();
    code = mesh_folder_open(&f, line.command, args[0]);
    for (size_t i = 1; code == CLI_OK && i < 17 && args[i] != NULL; i++)
        code = revoke(&f, &o, args[i], now_s, done);
    if (code == CLI_OK && json_array_size(done) == 0)
        code = cli_fail(CLI_FAILED, line.command, "revoked already, by roll %llu or before. Nothing was changed.",
                        (unsigned long long)f.roll.sequence);
    if (code == CLI_OK && (code = mesh_folder_publish(&f, f.authority.secret, now_s, o.out, path)) == CLI_OK)
        report(&f, done, path, o.json);
    mesh_folder_close(&f);
    json_decref(done);
    return code;
}
