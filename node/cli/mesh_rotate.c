/* hedgerow mesh rotate, hedgerow mesh retire: another key speaks for the mesh, an old one no more. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <time.h>

#include "node/cli/cli.h"
#include "node/cli/files.h"
#include "node/cli/mesh_folder.h"
#include "proto/base/err.h"

struct rotate_options {
    const char *out;
    bool json;
};

static const struct option options[] = {
    { "--out", "FILE", "the roll to write (roll-NUMBER); it must not exist", option_text,
      offsetof(struct rotate_options, out), false },
    { "--json", NULL, "print JSON", NULL, offsetof(struct rotate_options, json), false },
};
#define OPTIONS_N (sizeof(options) / sizeof(options[0]))

static const struct command_line rotate_line = {
    .command = "mesh rotate",
    .synopsis = "DIR [flags]",
    .about = "Makes a new key for the authority in DIR, which signs from now on. The old one stays valid\n"
             "for what it signed until it is retired. Nothing stops: hand the roll in, renew the nodes'\n"
             "files one by one (hedgerow mesh admit DIR --renew FILE, then SIGHUP), then retire the old key.",
    .options = options,
    .options_n = OPTIONS_N,
    .args_min = 1,
    .args_max = 1,
    .args_what = "the mesh's directory",
};

static const struct command_line retire_line = {
    .command = "mesh retire",
    .synopsis = "DIR [AUTHORITY-ID] [flags]",
    .about = "Takes an old key of the authority off: what it certified is void, for nodes that were not\n"
             "renewed, too. Without an id, all keys but the present one.",
    .options = options,
    .options_n = OPTIONS_N,
    .args_min = 1,
    .args_max = 2,
    .args_what = "the mesh's directory, and perhaps the id of an authority",
};

static const char *key_text(const uint8_t key[SIGN_KEY_BYTES], char text[NODE_ID_TEXT_MAX])
{
    struct node_id id;

    authority_id(&id, key);
    return node_id_text(&id, text);
}

static json_t *live(const struct roll *r)
{
    json_t *list = json_array();
    char id[NODE_ID_TEXT_MAX];

    for (size_t i = 0; i < r->live_n; i++)
        json_array_append_new(list, json_string(key_text(r->live[i].key, id)));
    return list;
}

static void report(const struct mesh_folder *f, const char *path, bool json)
{
    char id[NODE_ID_TEXT_MAX];

    if (json) {
        json_t *j = json_pack("{s:I, s:o, s:s, s:s}", "number", (json_int_t)f->roll.sequence, "authorities",
                              live(&f->roll), "signer", key_text(f->authority.key, id), "file", path);
        json_dumpf(j, stdout, 0);
        putchar('\n');
        json_decref(j);
        return;
    }
    printf("%s is roll %llu of the mesh. Live authorities:\n", path, (unsigned long long)f->roll.sequence);
    for (size_t i = 0; i < f->roll.live_n; i++)
        printf("  %s%s\n", key_text(f->roll.live[i].key, id),
               memcmp(f->roll.live[i].key, f->authority.key, SIGN_KEY_BYTES) == 0 ? ", which signs from now on" : "");
    printf("It takes effect when it is handed in at any one node, for example:\n"
           "  hedgerow mesh announce %s --admin 127.0.0.1:7401 --token-file DATA/admin.token\n",
           path);
}

/* The roll first: a key that it names and that is then lost does no harm, and can be retired. */
static int rotate(struct mesh_folder *f, struct authority *next, int64_t now_s, const char *out,
                  char path[MESH_FOLDER_PATH_MAX])
{
    char kept[MESH_FOLDER_PATH_MAX];
    struct buf text = BUF_EMPTY;
    int err = roll_add(&f->roll, next->key, now_s, f->authority.secret), code;

    if (err == MESH_E_FULL && f->roll.live_n >= ROLL_LIVE_MAX)
        return cli_fail(CLI_FAILED, f->command, "%d authorities are live, and no more can be: hedgerow mesh retire %s",
                        ROLL_LIVE_MAX, f->dir);
    if (err != 0)
        return cli_fail(CLI_FAILED, f->command, "%s: a mesh changes its authority %d times.", mesh_strerror(err),
                        ROLL_LINKS_MAX);
    if ((code = mesh_folder_publish(f, f->authority.secret, now_s, out, path)) != CLI_OK)
        return code;
    next->mesh = f->authority.mesh; /* which now names the new key */
    err = authority_encode(&text, next) == 0 ? 0 : ENOMEM;
    if (err == 0)
        err = files_replace(mesh_folder_authority(f->dir, kept), buf_slice(&text));
    files_wipe(&text);
    if (err != 0)
        return cli_fail(
            CLI_FAILED, f->command,
            "cannot write %s: %s. The old key signs on; the roll names a new one that is lost, so rotate again.", kept,
            strerror(err));
    authority_wipe(&f->authority);
    f->authority = *next;
    return CLI_OK;
}

int cli_mesh_rotate(int argc, char *const *argv)
{
    struct rotate_options o = { .json = false };
    char path[MESH_FOLDER_PATH_MAX];
    struct authority next;
    struct mesh_folder f;
    const char *dir;
    int code;

    if (!cli_options(&rotate_line, argc, argv, &o, &dir, &code))
        return code;
    if (crypto_start() != 0)
        return cli_fail(CLI_FAILED, rotate_line.command, "the system gives no random numbers.");
    if ((code = mesh_folder_open(&f, rotate_line.command, dir)) == CLI_OK) {
        authority_make_next(&next, &f.authority);
        if ((code = rotate(&f, &next, (int64_t)time(NULL), o.out, path)) == CLI_OK)
            report(&f, path, o.json);
        authority_wipe(&next);
    }
    mesh_folder_close(&f);
    return code;
}

/* Takes off the one with |id|, or all but the present one; returns how many. */
static size_t retire(struct mesh_folder *f, const struct node_id *id)
{
    size_t n = 0;

    for (size_t i = f->roll.live_n; i-- > 0;) {
        struct node_id its;
        authority_id(&its, f->roll.live[i].key);
        bool present = memcmp(f->roll.live[i].key, f->authority.key, SIGN_KEY_BYTES) == 0;
        if (!present && (id == NULL || node_id_eq(id, &its)))
            n += roll_retire(&f->roll, f->roll.live[i].key) == 0;
    }
    return n;
}

int cli_mesh_retire(int argc, char *const *argv)
{
    struct rotate_options o = { .json = false };
    const char *args[2] = { NULL, NULL };
    char path[MESH_FOLDER_PATH_MAX];
    struct mesh_folder f;
    struct node_id id;
    int code;

    if (!cli_options(&retire_line, argc, argv, &o, args, &code))
        return code;
    if (args[1] != NULL && node_id_read(&id, slice_str(args[1])) != 0)
        return cli_fail(CLI_USAGE, retire_line.command,
                        "%s is no authority's id: 32 hex digits, as in hedgerow status.", args[1]);
    if (crypto_start() != 0)
        return cli_fail(CLI_FAILED, retire_line.command, "the system gives no random numbers.");
    if ((code = mesh_folder_open(&f, retire_line.command, args[0])) == CLI_OK &&
        retire(&f, args[1] != NULL ? &id : NULL) == 0)
        code = cli_fail(CLI_FAILED, retire_line.command,
                        "there is no such old key. The present one cannot be retired: hedgerow mesh rotate %s first.",
                        args[0]);
    if (code == CLI_OK &&
        (code = mesh_folder_publish(&f, f.authority.secret, (int64_t)time(NULL), o.out, path)) == CLI_OK)
        report(&f, path, o.json);
    mesh_folder_close(&f);
    return code;
}
