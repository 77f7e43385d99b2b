/* topology_file.h - a mesh as `hedgerow status --json` shows it. */
#ifndef HEDGEROW_SIM_DOOR_TOPOLOGY_FILE_H
#define HEDGEROW_SIM_DOOR_TOPOLOGY_FILE_H

#include "sim/topology.h"

/* topology_file_read returns the mesh of the status in |path|, owned: its members that are neither dead nor gone, by
 * name. NULL, with the reason on the error stream. */
struct topology *topology_file_read(const char *path);

#endif
