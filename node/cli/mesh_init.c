/* hedgerow mesh init: a new mesh is an authority's key in a directory of its own. */
#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/cli/cli.h"
#include "node/cli/files.h"
#include "node/cli/ledger.h"
#include "node/cli/mesh_folder.h"
#include "proto/identity.h"

struct init_options {
    uint32_t arc_bits;
    bool json;
};

static int read_arc_bits(const char *text, void *field, struct buf *why)
{
    uint32_t *bits = field;
    int err = option_u32(text, bits, why);

    if (err == 0 && (*bits < MESH_ARC_BITS_MIN || *bits > MESH_ARC_BITS_MAX)) {
        buf_addf(why, "must be %d to %d.", MESH_ARC_BITS_MIN, MESH_ARC_BITS_MAX);
        err = -1;
    }
    return err;
}

static const struct option options[] = {
    { "--arc-bits", "N",
      "cut the ring into 2^N arcs, 16 to 20 (18); fixed for the mesh's life.\n20 suits hundreds of nodes",
      read_arc_bits, offsetof(struct init_options, arc_bits), false },
    { "--json", NULL, "print JSON", NULL, offsetof(struct init_options, json), false },
};

static const struct command_line line = {
    .command = "mesh init",
    .synopsis = "DIR [flags]",
    .about = "Makes DIR and in it the authority of a new mesh: the key that admits nodes. Whoever has\n"
             "it can admit any node, so keep DIR offline and backed up.",
    .options = options,
    .options_n = sizeof(options) / sizeof(options[0]),
    .args_min = 1,
    .args_max = 1,
    .args_what = "the directory to make: hedgerow mesh init DIR",
};

static bool folder_empty(const char *path)
{
    DIR *dir = opendir(path);
    bool empty = dir != NULL;

    for (struct dirent *e; empty && (e = readdir(dir)) != NULL;)
        empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
    if (dir != NULL)
        closedir(dir);
    return empty;
}

/* Makes |dir|, or takes an existing one that is private, or empty and can be made so. */
static int make_folder(const char *dir)
{
    struct stat st;
    int err = files_folder(dir);

    if (err != 0)
        return cli_fail(CLI_FAILED, line.command, "cannot make the directory %s: %s.", dir,
                        err == EEXIST ? "something else has that name" : strerror(err));
    if (stat(dir, &st) != 0 || ((st.st_mode & 077) != 0 && (!folder_empty(dir) || chmod(dir, 0700) != 0)))
        return cli_fail(CLI_FAILED, line.command,
                        "others may read %s, and it is not empty. Give a new directory, or: chmod 700 %s", dir, dir);
    return CLI_OK;
}

static int write_files(const char *dir, const struct authority *a)
{
    char path[MESH_FOLDER_PATH_MAX];
    struct buf text = BUF_EMPTY;
    int err = authority_encode(&text, a) == 0 ? 0 : ENOMEM;

    if (err == 0)
        err = files_create(mesh_folder_authority(dir, path), buf_slice(&text));
    files_wipe(&text);
    if (err == EEXIST)
        return cli_fail(CLI_FAILED, line.command, "%s has an authority already. Nothing was changed.", dir);
    if (err == 0)
        err = ledger_create(mesh_folder_ledger(dir, path));
    if (err != 0)
        return cli_fail(CLI_FAILED, line.command, "cannot write %s: %s.", path, strerror(err));
    return CLI_OK;
}

static void report(const char *dir, const struct authority *a, bool json)
{
    char mesh[2 * MESH_ID_BYTES + 1], path[MESH_FOLDER_PATH_MAX];

    for (size_t i = 0; i < MESH_ID_BYTES; i++)
        snprintf(mesh + 2 * i, 3, "%02x", a->mesh.id.bytes[i]);
    mesh_folder_authority(dir, path);
    if (json) {
        json_t *j = json_pack("{s:s, s:i, s:s}", "mesh", mesh, "arc_bits", (int)a->mesh.arc_bits, "authority", path);
        json_dumpf(j, stdout, 0);
        putchar('\n');
        json_decref(j);
        return;
    }
    printf("Made mesh %s.\n%s is the key to it: keep it offline and backed up.\n"
           "Next, for each node: hedgerow mesh admit %s --name fra-1 --zone eu/fra\n",
           mesh, path, dir);
}

int cli_mesh_init(int argc, char *const *argv)
{
    struct init_options o = { .arc_bits = MESH_ARC_BITS_DEFAULT };
    struct authority authority;
    const char *dir;
    int code;

    if (!cli_options(&line, argc, argv, &o, &dir, &code))
        return code;
    if (strlen(dir) > MESH_FOLDER_DIR_MAX)
        return cli_fail(CLI_USAGE, line.command, "the directory's name is too long.");
    if (crypto_start() != 0)
        return cli_fail(CLI_FAILED, line.command, "the system gives no random numbers.");
    if ((code = make_folder(dir)) != CLI_OK)
        return code;
    authority_make(&authority, (uint8_t)o.arc_bits);
    if ((code = write_files(dir, &authority)) == CLI_OK)
        report(dir, &authority, o.json);
    authority_wipe(&authority);
    return code;
}
