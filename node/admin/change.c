#include "node/admin/change.h"

#include "node/admin/purge.h"
#include "proto/base/err.h"

static const char type_json[] = "application/json";

typedef unsigned change(struct node *n, const struct node_admin_request *req, struct buf *body, const char **type);

/* ---- POST /authority: a roll is handed in ---- */

static unsigned refuse_roll(struct buf *body, int err, uint64_t ours)
{
    switch (err) {
    case MESH_E_EXISTS:
        buf_addf(body, "This roll, number %llu, is in force already.\n", (unsigned long long)ours);
        return 409;
    case MESH_E_STATE:
        buf_addf(body,
                 "Not news: roll %llu is in force here. Write the next one in the authority's newest directory.\n",
                 (unsigned long long)ours);
        return 409;
    case MESH_E_WRONG_MESH: buf_add_str(body, "This is the roll of another mesh.\n"); return 403;
    case MESH_E_SIGNATURE:
        buf_add_str(body, "Not signed by an authority that this mesh knows, or altered on its way.\n");
        return 403;
    case MESH_E_NOMEM: buf_add_str(body, "out of memory\n"); return 503;
    default:
        buf_addf(body, "This is no roll: %s. Send the file that hedgerow mesh revoke wrote, as it is.\n",
                 mesh_strerror(err));
        return 400;
    }
}

/* A roll that retires an authority voids what it certified. By mistake that is the end of a mesh:
 * so members who were not renewed are named, unless that is what is wanted. */
static unsigned warn(struct mesh *mesh, struct slice bytes, struct buf *body)
{
    struct mesh_member m;
    struct roll next;
    size_t lost = 0;

    if (roll_parse(&next, bytes) != 0)
        return 0; /* what is wrong with it is said soon */
    for (size_t i = 0; i < mesh_count(mesh); i++) {
        if (!mesh_member(mesh, i, &m) || m.record->state == MEMBER_LEFT || roll_live(&next, m.cert->authority) ||
            roll_revoked(&next, &m.cert->id) != NULL || memcmp(next.mesh.bytes, m.cert->mesh.bytes, MESH_ID_BYTES) != 0)
            continue;
        buf_addf(body, "%s%s", lost == 0 ? "This roll cuts off who was not renewed under a live authority: " : ", ",
                 m.cert->name);
        lost++;
    }
    roll_free(&next);
    if (lost > 0)
        buf_add_str(body, ". Renew them first (hedgerow mesh admit DIR --renew FILE, then SIGHUP), or announce --force "
                          "(POST /authority?force).\n");
    return lost > 0 ? 409 : 0;
}

static unsigned take_roll(struct node *n, const struct node_admin_request *req, struct buf *body, const char **type)
{
    struct mesh *mesh = engine_mesh(node_engine(n));
    bool kept;
    unsigned no = slice_eq(req->query, SLICE_LIT("force")) ? 0 : warn(mesh, req->body, body);
    if (no != 0)
        return no;
    int err = node_roll(n, req->body, &kept);
    const struct roll *r = mesh_roll(mesh);

    if (err != 0)
        return refuse_roll(body, err, r->sequence);
    *type = type_json;
    buf_addf(body, "{\"taken\":true,\"number\":%llu,\"revoked\":%zu,\"authorities\":%zu,\"kept\":%s}\n",
             (unsigned long long)r->sequence, r->revoked_n, r->live_n, kept ? "true" : "false");
    return 200;
}

/* ---- POST /drain, POST /drain?off ---- */

static unsigned drain(struct node *n, const struct node_admin_request *req, struct buf *body, const char **type)
{
    bool off = slice_eq(req->query, SLICE_LIT("off"));

    if (req->query.len > 0 && !off) {
        buf_add_str(body, "POST /drain, or POST /drain?off.\n");
        return 400;
    }
    node_drain(n, !off);
    *type = type_json;
    buf_addf(body, "{\"drained\":%s}\n", off ? "false" : "true");
    return 200;
}

/* ---- POST /reload ---- */

static unsigned reload(struct node *n, const struct node_admin_request *req, struct buf *body, const char **type)
{
    (void)req;
    (void)type;
    return node_reload(n, body) ? 200 : 422;
}

/* ---- all of them ---- */

static const struct {
    const char *path, *what;
    change *answer;
} changes[] = {
    { "/authority", "a roll of the mesh's authorities: who is revoked, who admits", take_roll },
    { "/purge", "what has to go, on all nodes; GET /purge and /purge/ID say who has confirmed", purge_post },
    { "/reload", "read the configuration file again; what is wrong with it, if the old one stays", reload },
    { "/drain", "own nothing and be not ready, without leaving; with ?off back again", drain },
};
#define CHANGES_N (sizeof(changes) / sizeof(changes[0]))

static size_t index_of(struct slice path)
{
    size_t i = 0;

    while (i < CHANGES_N && !slice_eq(path, slice_str(changes[i].path)))
        i++;
    return i;
}

bool change_find(struct slice path)
{
    return index_of(path) < CHANGES_N;
}

void change_list(struct buf *body)
{
    for (size_t i = 0; i < CHANGES_N; i++)
        buf_addf(body, "  POST %s  %s\n", changes[i].path, changes[i].what);
}

bool change_allowed(const struct node *n, struct slice authorization, struct buf *body)
{
    if (token_given(node_config(n)->admin_token, authorization))
        return true;
    buf_add_str(body, "Send the node's token, which lies in admin.token in its --data directory: "
                      "\"Authorization: Bearer TOKEN\".\n");
    return false;
}

unsigned change_answer(struct node *n, const struct node_admin_request *req, struct buf *body, const char **type)
{
    size_t i = index_of(req->path);

    if (!slice_eq(req->method, SLICE_LIT("POST"))) {
        buf_addf(body, "%s is there to be changed: POST.\n", changes[i].path);
        return 405;
    }
    if (!change_allowed(n, req->authorization, body))
        return 401;
    return changes[i].answer(n, req, body, type);
}
