/* log_file.h - an access log from a file, packed by gzip or not, or from standard input ("-"). */
#ifndef HEDGEROW_SIM_DOOR_LOG_FILE_H
#define HEDGEROW_SIM_DOOR_LOG_FILE_H

#include "sim/workload.h"

/* log_file_read returns the requests of one of |sample| objects of |path|, owned. Lines that are not understood are
 * counted, and the first of them shown on the error stream; NULL, with the reason there: the file cannot be read, or
 * has no request in it. */
struct workload *log_file_read(const char *path, uint64_t sample);

#endif
