#include "node/cli/mesh_folder.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "node/cli/cli.h"
#include "node/cli/files.h"
#include "proto/base/err.h"

static int read_authority(struct mesh_folder *f)
{
    char path[MESH_FOLDER_PATH_MAX];
    struct buf text = BUF_EMPTY;
    int bad = 0, err = files_read(mesh_folder_authority(f->dir, path), NODE_FILE_MAX, &text);

    if (err == 0)
        bad = authority_decode(&f->authority, buf_slice(&text));
    files_wipe(&text);
    if (err == ENOENT)
        return cli_fail(CLI_CONFIG, f->command, "%s is not there. A new mesh: hedgerow mesh init %s", path, f->dir);
    if (err != 0)
        return cli_fail(CLI_CONFIG, f->command, "cannot read %s: %s.", path, strerror(err));
    if (bad != 0)
        return cli_fail(CLI_CONFIG, f->command, "%s is no authority file, or is damaged: %s.", path,
                        mesh_strerror(bad));
    return CLI_OK;
}

static int lock_ledger(struct mesh_folder *f)
{
    char path[MESH_FOLDER_PATH_MAX];
    unsigned at;
    int err = ledger_open(&f->ledger, mesh_folder_ledger(f->dir, path), &at);

    if (err == EBADMSG)
        return cli_fail(CLI_CONFIG, f->command, "%s:%u: not a line of a ledger. Put it right, or restore a copy.", path,
                        at);
    if (err != 0)
        return cli_fail(CLI_CONFIG, f->command, "cannot open %s: %s.", path, strerror(err));
    return CLI_OK;
}

/* New node files are to name the authorities that the roll names. */
static void follow_roll(struct mesh_folder *f)
{
    struct mesh_params *mesh = &f->authority.mesh;
    size_t n = 1;

    mesh->founder_retired = !roll_live(&f->roll, mesh->authorities[0]);
    for (size_t i = 0; i < f->roll.live_n; i++) {
        if (memcmp(f->roll.live[i].key, mesh->authorities[0], SIGN_KEY_BYTES) != 0)
            memcpy(mesh->authorities[n++], f->roll.live[i].key, SIGN_KEY_BYTES);
    }
    mesh->authorities_n = n;
    mesh->sequence = f->roll.sequence;
}

static int read_roll(struct mesh_folder *f)
{
    const struct mesh_params *mesh = &f->authority.mesh;
    char path[MESH_FOLDER_PATH_MAX];
    struct buf bytes = BUF_EMPTY;
    int bad = 0, err = files_read(mesh_folder_roll(f->dir, path), ROLL_BYTES_MAX, &bytes);

    roll_init(&f->roll, mesh);
    if (err == 0)
        bad = roll_parse(&f->roll, buf_slice(&bytes));
    if (err == 0 && bad == 0)
        bad = roll_check(&f->roll, buf_slice(&bytes), &mesh->id, (const uint8_t(*)[SIGN_KEY_BYTES])mesh->authorities,
                         mesh->authorities_n);
    buf_free(&bytes);
    if (err == ENOENT)
        return CLI_OK;
    if (err != 0)
        return cli_fail(CLI_CONFIG, f->command, "cannot read %s: %s.", path, strerror(err));
    if (bad != 0)
        return cli_fail(CLI_CONFIG, f->command, "%s is no roll of this mesh, or is damaged: %s. Restore a copy.", path,
                        mesh_strerror(bad));
    if (!roll_live(&f->roll, f->authority.key))
        return cli_fail(CLI_CONFIG, f->command,
                        "%s/authority is not among the live authorities of %s: restore a copy of both.", f->dir, path);
    follow_roll(f);
    return CLI_OK;
}

int mesh_folder_open(struct mesh_folder *f, const char *command, const char *dir)
{
    int code;

    *f = (struct mesh_folder){ .command = command, .dir = dir, .ledger.fd = -1 };
    if (strlen(dir) > MESH_FOLDER_DIR_MAX)
        return cli_fail(CLI_USAGE, command, "the directory's name is too long.");
    if ((code = read_authority(f)) != CLI_OK || (code = lock_ledger(f)) != CLI_OK)
        return code;
    authority_wipe(&f->authority); /* another command may have changed it while we waited for the lock */
    return (code = read_authority(f)) != CLI_OK ? code : read_roll(f);
}

void mesh_folder_close(struct mesh_folder *f)
{
    ledger_close(&f->ledger);
    roll_free(&f->roll);
    authority_wipe(&f->authority);
}

int mesh_folder_publish(struct mesh_folder *f, const uint8_t secret[SIGN_SECRET_BYTES], int64_t now_s, const char *out,
                        char path[MESH_FOLDER_PATH_MAX])
{
    char kept[MESH_FOLDER_PATH_MAX];
    struct buf bytes = BUF_EMPTY;
    struct stat st;

    f->roll.sequence++;
    f->roll.at_s = now_s;
    if (out != NULL)
        snprintf(path, MESH_FOLDER_PATH_MAX, "%s", out);
    else
        snprintf(path, MESH_FOLDER_PATH_MAX, "roll-%llu", (unsigned long long)f->roll.sequence);
    if (lstat(path, &st) == 0)
        return cli_fail(CLI_FAILED, f->command, "%s exists and is never overwritten. Move it away, or give --out FILE.",
                        path);
    int err = roll_sign(&bytes, &f->roll, secret) == 0 ? 0 : ENOMEM;
    if (err == 0)
        err = files_replace(mesh_folder_roll(f->dir, kept), buf_slice(&bytes));
    if (err != 0) {
        buf_free(&bytes);
        return cli_fail(CLI_FAILED, f->command, "cannot write %s: %s. Nothing was changed.", kept, strerror(err));
    }
    follow_roll(f);
    err = files_create(path, buf_slice(&bytes));
    buf_free(&bytes);
    if (err != 0)
        return cli_fail(CLI_FAILED, f->command, "cannot write %s: %s. The same is in %s: hand that in.", path,
                        strerror(err), kept);
    return CLI_OK;
}
