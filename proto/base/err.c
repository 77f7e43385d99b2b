#include "proto/base/err.h"

const char *mesh_strerror(int err)
{
    switch (err) {
    case 0:
        return "success";
#define X(name, value, text) \
    case MESH_E_##name:      \
        return text;
        MESH_ERRORS(X)
#undef X
    default:
        return "unknown error";
    }
}
